import { describe, expect, it } from '@jest/globals'
import { inAppBrowserOf } from '../../src/web/in-app-browser.ts'

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)'
const ANDROID =
  'Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36'

describe('the browser inside an app', () => {
  it.each([
    ['Instagram', `${IPHONE} Mobile/15E148 Instagram 330.0.3.29.109 (iPhone14,5; iOS 17_5; de_DE)`],
    ['Instagram', `${ANDROID} Instagram 330.0.0.40.92 Android (34/14; 420dpi)`],
    ['Threads', `${IPHONE} Mobile/15E148 Instagram 330.0 Barcelona 330.0.0.23.109 (iPhone14,5)`],
    ['Facebook', `${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/467.0.0.42.109;FBBV/602;FBDV/iPhone14,5]`],
    ['Facebook', `${ANDROID} [FB_IAB/FB4A;FBAV/467.1.0.53.109;]`],
    ['Messenger', `${IPHONE} Mobile/15E148 [FBAN/MessengerForiOS;FBAV/460.0.0;FBBV/602]`],
    ['Messenger', `${ANDROID} [FB_IAB/Orca-Android;FBAV/460.0.0.56.109;]`],
    ['LinkedIn', `${IPHONE} Mobile/15E148 [LinkedInApp]/9.29.5894`],
    ['LinkedIn', `${ANDROID} [LinkedInApp]`],
    [
      'TikTok',
      `${IPHONE} Mobile/15E148 musical_ly_34.9.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/de`,
    ],
    [
      'TikTok',
      `${ANDROID} trill_340903 JsSdk/1.0 NetType/WIFI AppName/musical_ly ByteLocale/de BytedanceWebview/d8a21c6`,
    ],
    ['WeChat', `${IPHONE} Mobile/15E148 MicroMessenger/8.0.49(0x1800312a) NetType/WIFI Language/en`],
    ['Snapchat', `${IPHONE} Mobile/15E148 Snapchat/12.88.0.38 (like Safari/8617.1)`],
    ['Pinterest', `${IPHONE} Mobile/15E148 [Pinterest/iOS]`],
    ['X', `${IPHONE} Mobile/15E148 Twitter for iPhone/10.44`],
    ['LINE', `${ANDROID} Line/14.8.0/IAB`],
    ['KakaoTalk', `${ANDROID};KAKAOTALK 2410680`],
    ['Telegram', `${ANDROID} Telegram-Android/10.14.1 (Google Pixel 8; Android 14; SDK 34; AVERAGE)`],
    ['Google', `${IPHONE} GSA/319.0.638062914 Mobile/15E148 Safari/604.1`],
    ['another', ANDROID],
    ['another', `${IPHONE} Mobile/15E148`],
  ])('is known as that of %s', (app, userAgent) => {
    expect(inAppBrowserOf(userAgent)).toBe(app)
  })

  it.each([
    ['Safari', `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`],
    ['Chrome on a phone', ANDROID.replace('; wv', '').replace('Version/4.0 ', '')],
    ['Chrome on an iPhone', `${IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1`],
    ['Firefox', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0'],
    ['Firefox on an iPhone', `${IPHONE} FxiOS/127.0 Mobile/15E148 Safari/605.1.15`],
    ['Samsung', `${ANDROID.replace('; wv', '').replace('Version/4.0', 'SamsungBrowser/25.0')}`],
    [
      'Edge',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
    ],
    ['a program', 'curl/8.6.0'],
    ['nothing', ''],
    ['what somebody made up', '<script>Insta</script>'],
    ['online', 'Mozilla/5.0 (Airline/1.0)'],
  ])('is not %s', (_, userAgent) => {
    expect(inAppBrowserOf(userAgent)).toBeUndefined()
  })
})
