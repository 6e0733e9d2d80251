/** 360dialog's own lists, without types of their own. Lower-cased domains. */
declare module '@360dialog/tpp-restricted-email-domains' {
  export const CLIENT_DOMAINS: ReadonlySet<string>
}
