/** One address and nothing else: 360dialog's clients type theirs, and a list of them would be several recipients. */
export function isEmailAddress(text: string): boolean {
  return /^[^\s@,;:<>()[\]"\\]+@[^\s@,;:<>()[\]"\\]+$/.test(text)
}

/** An e-mail address of which its owner recognises their own, and others learn little: `a•••@shop.example`. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@')
  return `${[...email][0] ?? ''}•••${email.slice(at)}`
}
