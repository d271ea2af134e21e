// A line that is dragged, or moved with the arrow keys, to give one side more room.

import { followPointer } from './drag'
import './splitter.css'

interface SplitterProps {
  label: string
  /** Which way the line moves. */
  direction: 'horizontal' | 'vertical'
  /** The size before the line, in CSS pixels. */
  value: number
  min: number
  max: number
  onMove: (value: number) => void
}

/** An arrow key moves the line by this much: four steps of the grid. */
const STEP = 16

export function Splitter(props: SplitterProps) {
  const clamp = (value: number) => Math.round(Math.min(props.max, Math.max(props.min, value)))
  const drag = followPointer(() => {
    const began = props.value
    return {
      onMove: (right, down) => props.onMove(clamp(began + (props.direction === 'horizontal' ? right : down))),
    }
  })

  function key(event: KeyboardEvent): void {
    const [less, more] =
      props.direction === 'horizontal' ? ['ArrowLeft', 'ArrowRight'] : ['ArrowUp', 'ArrowDown']
    const moved =
      event.key === less
        ? props.value - STEP
        : event.key === more
          ? props.value + STEP
          : event.key === 'Home'
            ? props.min
            : event.key === 'End'
              ? props.max
              : undefined
    if (moved === undefined) return
    event.preventDefault()
    props.onMove(clamp(moved))
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: an <hr> takes no focus; this is the window splitter of the ARIA practices.
    <div
      class={`splitter splitter-${props.direction}`}
      role="separator"
      tabIndex={0}
      aria-label={props.label}
      aria-orientation={props.direction === 'horizontal' ? 'vertical' : 'horizontal'}
      aria-valuenow={props.value}
      aria-valuemin={props.min}
      aria-valuemax={props.max}
      onPointerDown={drag}
      onKeyDown={key}
    />
  )
}
