// How our picture is encoded for somebody who shows it in a certain size. Pure.

/** What a call's picture may take: the same as the app's. */
const FULL_BITRATE = 2_500_000
/** By how much the picture is made smaller, and what that may take. Halves only: other factors blur and cost more than they save. */
const RUNGS = [
  { scale: 1, bitrate: FULL_BITRATE },
  { scale: 2, bitrate: 900_000 },
  { scale: 4, bitrate: 300_000 },
] as const
/** Cameras give 30; a screen or a fast camera is held to it. */
const FRAME_RATE = 30

export interface Encoding {
  active: boolean
  maxBitrate: number
  maxFramerate: number
  scaleResolutionDownBy: number
}

/** The smallest rung that fills the tile (physical pixels); the whole picture before a tile was told, nothing while it is hidden. */
export function encodingFor(
  picture: { width?: number; height?: number },
  tile: { width: number; height: number } | undefined,
): Encoding {
  const { width = 0, height = 0 } = picture
  const hidden = tile !== undefined && (tile.width === 0 || tile.height === 0)
  const fits = (scale: number) =>
    !tile || hidden || (width / scale >= tile.width && height / scale >= tile.height)
  const rung = tile && !hidden ? (RUNGS.findLast(({ scale }) => fits(scale)) ?? RUNGS[0]) : RUNGS[0]
  return {
    active: !hidden,
    maxBitrate: rung.bitrate,
    maxFramerate: FRAME_RATE,
    scaleResolutionDownBy: rung.scale,
  }
}
