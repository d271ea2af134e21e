// Tiles on a stage that is measured: where each lies, and where one's own does, which others put where they like.

import { createMemo, createSignal, onCleanup, onMount } from 'solid-js'
import { createStore } from 'solid-js/store'
import { kept } from '../kept'
import { followPointer } from './drag'
import {
  type Box,
  type Corner,
  cornerAfter,
  corners,
  layoutTiles,
  movedWithin,
  nearestCorner,
  selfBox,
  USUAL_ASPECT,
} from './layout'

const GAP = 8
const MARGIN = 12
const KEY = 'snug.self.corner'
const NOWHERE: Box = { left: 0, top: 0, width: 0, height: 0 }

interface Around {
  /** The others, in reading order. */
  devices: () => readonly string[]
  /** We are a tile among theirs, so nobody's face is covered; else we lie small in a corner, over the one who fills the stage. */
  together: () => boolean
}

export function createTiles(around: Around) {
  const [size, setSize] = createStore({ width: 0, height: 0 })
  const [aspects, setAspects] = createStore<Record<string, number>>({})
  const [selfAspect, setSelfAspect] = createSignal(USUAL_ASPECT)
  const [corner, setCorner] = createSignal(corners.find((one) => one === kept.read(KEY)) ?? 'top-right')
  const [dragged, setDragged] = createSignal<Box>()
  let field!: HTMLElement

  onMount(() => {
    const measure = () => setSize({ width: field.clientWidth, height: field.clientHeight })
    const observer = new ResizeObserver(measure)
    observer.observe(field)
    measure()
    onCleanup(() => observer.disconnect())
  })

  const boxes = createMemo(() => {
    const others = around.devices().map((device) => aspects[device] ?? USUAL_ASPECT)
    return layoutTiles(around.together() ? [...others, selfAspect()] : others, size, GAP)
  })
  const atRest = () => selfBox(selfAspect(), size, MARGIN, corner())

  function move(to: Corner): void {
    setCorner(to)
    kept.write(KEY, to)
  }
  const drag = followPointer(() => {
    const from = atRest()
    return {
      onMove: (right, down) => setDragged(movedWithin(from, right, down, size, MARGIN)),
      onEnd() {
        const box = dragged()
        setDragged(undefined)
        if (box) move(nearestCorner(box, size))
      },
    }
  })
  function key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    const next = cornerAfter(corner(), event.key)
    if (!next) return
    event.preventDefault()
    move(next)
  }

  return {
    /** The element in which the tiles lie. */
    field: (element: HTMLElement) => {
      field = element
    },
    /** Where the tile of the other at this place lies. */
    box: (index: number) => boxes()[index] ?? NOWHERE,
    /** A picture of theirs has this shape. */
    shape: (device: string, aspect: number) => setAspects(device, aspect),

    self: {
      box: () => (around.together() ? boxes().at(-1) : dragged()) ?? atRest(),
      shape: (aspect: number) => setSelfAspect(aspect),
      /** In which corner we lie, if in one. */
      corner: () => (around.together() ? undefined : corner()),
      /** It follows a hand, and so must not lag behind it. */
      dragged: () => dragged() !== undefined,
      drag,
      key,
    },
  }
}

export type Tiles = ReturnType<typeof createTiles>
