// Reading JSON that somebody else wrote, field by field.

/** The fields of a JSON object; `undefined` for anything else. */
export function fields(text: string): Record<string, unknown> | undefined {
  try {
    return asFields(JSON.parse(text))
  } catch {
    return undefined
  }
}

export function asFields(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

export const isText = (value: unknown): value is string => typeof value === 'string'

/** A whole number from 0 that is exact here. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** An id as the server writes it: hyphenated, in lower case, so that comparing texts is comparing ids. */
export function isUuid(value: unknown): value is string {
  return isText(value) && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)
}
