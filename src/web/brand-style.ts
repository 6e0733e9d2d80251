/** The partner's colour as a style sheet: our pages allow no style but their own files. */
export function brandStyle(color: string | undefined): string {
  if (color === undefined) return ''
  const text = luminance(color) > 0.179 ? '#000' : '#fff'
  return `:root { --brand: ${color}; --brand-text: ${text}; }\n`
}

/** Relative luminance as WCAG 2.2 defines it, 0 to 1, so that the text on the colour can be read. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const part = Number.parseInt(color.slice(start, start + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
