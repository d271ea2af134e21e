// Where tiles lie on the stage. Pure. Every tile has the same room and keeps its picture's shape in it, so a tile changes its size
// only when the number of tiles or the stage changes, not when somebody's camera does.

export interface Box {
  left: number
  top: number
  width: number
  height: number
}

interface Size {
  width: number
  height: number
}

/** Before the first picture: what cameras give today. */
export const USUAL_ASPECT = 16 / 9

/** The largest box of `aspect` in the middle of `room`. */
export function largestIn(aspect: number, room: Box): Box {
  const width = Math.min(room.width, room.height * aspect)
  const height = width / aspect
  return {
    left: room.left + (room.width - width) / 2,
    top: room.top + (room.height - height) / 2,
    width,
    height,
  }
}

/** Boxes for tiles of these aspects (width by height) on a stage, in reading order; an unfilled last line is centred. */
export function layoutTiles(aspects: readonly number[], stage: Size, gap: number): Box[] {
  const count = aspects.length
  if (count === 0 || stage.width <= 0 || stage.height <= 0)
    return aspects.map(() => ({ left: 0, top: 0, width: 0, height: 0 }))

  let columns = 1
  let best = 0
  for (let candidate = 1; candidate <= count; candidate += 1) {
    const cell = cellOf(candidate, count, stage, gap)
    const { width } = largestIn(USUAL_ASPECT, { left: 0, top: 0, ...cell })
    if (width > best) {
      best = width
      columns = candidate
    }
  }

  // Alone a tile may use all there is; several stand close together in the middle, in places of the usual shape.
  const place = cellOf(columns, count, stage, gap)
  const cell = count === 1 ? place : largestIn(USUAL_ASPECT, { left: 0, top: 0, ...place })
  const lines = Math.ceil(count / columns)
  const left = (stage.width - columns * cell.width - (columns - 1) * gap) / 2
  const top = (stage.height - lines * cell.height - (lines - 1) * gap) / 2
  return aspects.map((aspect, index) => {
    const line = Math.floor(index / columns)
    const inLine = line === lines - 1 ? count - line * columns : columns
    const indent = ((columns - inLine) * (cell.width + gap)) / 2
    return largestIn(aspect, {
      left: left + indent + (index % columns) * (cell.width + gap),
      top: top + line * (cell.height + gap),
      width: cell.width,
      height: cell.height,
    })
  })
}

function cellOf(columns: number, count: number, stage: Size, gap: number) {
  const lines = Math.ceil(count / columns)
  return {
    width: Math.max(0, (stage.width - gap * (columns - 1)) / columns),
    height: Math.max(0, (stage.height - gap * (lines - 1)) / lines),
  }
}

/** Where the self-view lies; it is put there by hand. */
export const corners = ['top-right', 'bottom-right', 'bottom-left', 'top-left'] as const
export type Corner = (typeof corners)[number]

/** The self-view: a quarter of the stage at most, in its corner. */
export function selfBox(aspect: number, stage: Size, margin: number, corner: Corner): Box {
  const wanted = Math.max(120, Math.min(240, stage.width * 0.26))
  const height = Math.min(wanted / aspect, stage.height * 0.4)
  const width = height * aspect
  return {
    left: corner.endsWith('left') ? margin : stage.width - width - margin,
    top: corner.startsWith('top') ? margin : stage.height - height - margin,
    width,
    height,
  }
}

/** The box moved by so much, and no further than the stage's margin. */
export function movedWithin(box: Box, right: number, down: number, stage: Size, margin: number): Box {
  const within = (at: number, room: number) => Math.max(margin, Math.min(room - margin, at))
  return {
    ...box,
    left: within(box.left + right, stage.width - box.width),
    top: within(box.top + down, stage.height - box.height),
  }
}

/** The corner that a box is nearest to. */
export function nearestCorner(box: Box, stage: Size): Corner {
  const side = box.left + box.width / 2 < stage.width / 2 ? 'left' : 'right'
  return `${box.top + box.height / 2 < stage.height / 2 ? 'top' : 'bottom'}-${side}`
}

/** The corner to which an arrow key leads; no other key leads anywhere. */
export function cornerAfter(corner: Corner, key: string): Corner | undefined {
  const bottom = corner.startsWith('bottom')
  const left = corner.endsWith('left')
  switch (key) {
    case 'ArrowUp':
      return left ? 'top-left' : 'top-right'
    case 'ArrowDown':
      return left ? 'bottom-left' : 'bottom-right'
    case 'ArrowLeft':
      return bottom ? 'bottom-left' : 'top-left'
    case 'ArrowRight':
      return bottom ? 'bottom-right' : 'top-right'
    default:
      return undefined
  }
}
