/** Apps that open links in a browser of their own, by what its User-Agent says. The first that fits is it. */
const APPS: readonly (readonly [app: string, sign: RegExp])[] = [
  ['Threads', /\bBarcelona\b/],
  ['Instagram', /\bInstagram\b/],
  ['Messenger', /\b(?:FBAN\/(?:Messenger|Orca)|FB_IAB\/(?:Orca|MESSENGER)|Messenger(?:Lite)?ForiOS)/i],
  ['Facebook', /\b(?:FBA[NV]|FB_IAB|FB4A|FBIOS)\b/],
  ['LinkedIn', /\bLinkedInApp\b/i],
  ['TikTok', /\b(?:TikTok|musical_ly|BytedanceWebview|trill_\d|ByteLocale)/i],
  ['WeChat', /\bMicroMessenger\b/i],
  ['Snapchat', /\bSnapchat\b/],
  ['Pinterest', /\[?Pinterest\/(?:iOS|Android)/],
  ['X', /\bTwitter(?:Android| for )/],
  ['LINE', /\bLine\/\d/],
  ['KakaoTalk', /\bKAKAOTALK\b/i],
  ['Telegram', /\bTelegram-(?:Android|iOS)\b/],
  ['WhatsApp', /\bWhatsApp\/\d/],
  ['Google', /\bGSA\/\d/],
]
/** The pieces of browsers that other apps put into themselves. */
const IN_ANY_APP = [
  /; wv\)/,
  /\((?:iPhone|iPad|iPod)[^)]*\) AppleWebKit\/[\d.]+ \(KHTML, like Gecko\) Mobile\/\w+$/,
]

/** The app in which this browser is: its name, or `another` when only that is known; undefined in any other browser. */
export function inAppBrowserOf(userAgent: string): string | undefined {
  const app = APPS.find(([, sign]) => sign.test(userAgent))?.[0]
  return app ?? (IN_ANY_APP.some((sign) => sign.test(userAgent)) ? 'another' : undefined)
}
