import { fireEvent } from '@solidjs/testing-library'
import { describe, expect, test, vi } from 'vitest'
import { ids } from '../src/testids'
import { cornerAfter, corners, layoutTiles, movedWithin, nearestCorner, selfBox } from '../src/ui/layout'
import { all, find, query, screen, show, waitFor } from './screen'

const tile = (device: string) => all(ids.tile).find((element) => element.dataset.device === device)

describe('a call', () => {
  test('rings in: answered with video, the stage of its room comes', async () => {
    const { fake, user } = show('incoming')
    const accept = vi.spyOn(fake, 'accept')
    expect((await find(ids.incoming)).textContent).toContain('Jonas Weber is calling')
    await user.click(await find(ids.incomingAcceptVideo))
    expect(accept).toHaveBeenCalledWith(true)
    await waitFor(() => expect(query(ids.stage)?.dataset.phase).toBe('active'))
    expect(query(ids.roomTitle)?.textContent).toBe('Jonas Weber')
    expect(query(ids.incoming)).toBeNull()
  })

  test('ringing does not take the focus from who is writing', async () => {
    const { fake, user } = show('main')
    const box = await find(ids.composer)
    await user.type(box, 'I was just')
    fake.world.startCall('d-jonas', 'incoming', true, 'Jonas Weber')
    await find(ids.incoming)
    await user.keyboard(' saying')
    expect((box as HTMLTextAreaElement).value).toBe('I was just saying')
  })

  test('a ring is answered also while a sheet lies over the window', async () => {
    const { fake, user } = show('main')
    await user.click(await find(ids.settingsOpen))
    await find(ids.settings)
    fake.world.startCall('d-jonas', 'incoming', false, 'Jonas Weber')
    const sheet = await find(ids.incoming)
    expect(sheet.closest('[aria-hidden="true"]')).toBeNull()
    await user.click(await find(ids.incomingAccept))
    await waitFor(() => expect(query(ids.stage)).toBeTruthy())
  })

  test('declined, the sheet is gone', async () => {
    const { user } = show('incoming')
    await user.click(await find(ids.incomingDecline))
    await waitFor(() => expect(query(ids.incoming)).toBeNull())
  })

  test('rings out, connects, is hung up, and says who ended it', async () => {
    const { fake, user } = show('main')
    await user.click(await find(ids.callVideo))
    expect((await find(ids.callStatus)).textContent).toBe('Calling Jonas Weber')
    fake.world.connectCall(fake.world.people.slice(1, 2))
    await waitFor(() => expect(tile('dev-jonas')).toBeTruthy())
    expect((await find(ids.callTimer)).textContent).toMatch(/^0:0\d$/)
    expect((await find(ids.callVideo)).getAttribute('aria-disabled')).toBe('true')
    await user.click(await find(ids.callHangUp))
    expect((await find(ids.callStatus)).textContent).toBe('You hung up')
  })

  test('mute and camera are told to the app and shown on the tile', async () => {
    const { fake, user } = show('call')
    const microphone = vi.spyOn(fake, 'setMicrophone')
    await find(ids.stage)
    expect(tile('self')?.dataset.microphone).toBe('true')
    await user.click(await find(ids.callMicrophone))
    expect(microphone).toHaveBeenCalledWith(false)
    await waitFor(() => expect(tile('self')?.dataset.microphone).toBe('false'))
    expect(screen.getByLabelText('You are muted')).toBeTruthy()
    await user.click(await find(ids.callCamera))
    await waitFor(() => expect(tile('self')?.dataset.camera).toBe('false'))
  })

  test('somebody’s speaking does not make their tile anew', async () => {
    const { fake } = show('call')
    await find(ids.stage)
    const before = tile('dev-jonas')
    const [peer] = fake.world.call?.peers ?? []
    fake.world.changeCall({ peers: peer ? [{ ...peer, speaking: false, microphone: false }] : [] })
    await waitFor(() => expect(tile('dev-jonas')?.dataset.microphone).toBe('false'))
    expect(tile('dev-jonas')).toBe(before)
  })

  test('tiles tell their size, and zero when they are gone', async () => {
    const { fake, user } = show('call')
    const setTile = vi.spyOn(fake, 'setTile')
    await find(ids.stage)
    await waitFor(() => expect(setTile.mock.calls.at(-1)?.[1]).toBeGreaterThan(0))
    await user.click(screen.getByText('Garden plans'))
    await waitFor(() => expect(setTile).toHaveBeenLastCalledWith('dev-jonas', 0, 0))
  })

  test('one’s own picture is dragged to a corner, where it is the next time', async () => {
    const first = show('call')
    await find(ids.stage)
    await waitFor(() => expect(tile('self')?.dataset.corner).toBe('top-right'))
    const own = tile('self') as HTMLElement
    const pointer = { pointerId: 1, isPrimary: true, button: 0 }
    fireEvent.pointerDown(own, { ...pointer, clientX: 700, clientY: 40 })
    fireEvent.pointerMove(window, { ...pointer, clientX: 100, clientY: 60 })
    expect(own.style.left).toBe('12px')
    expect(own.className).toContain('tile-dragged')
    fireEvent.pointerMove(window, { ...pointer, clientX: 120, clientY: 540 })
    fireEvent.pointerUp(window, pointer)
    expect(own.dataset.corner).toBe('bottom-left')
    expect(own.className).not.toContain('tile-dragged')
    // Nobody holds it any more.
    fireEvent.pointerMove(window, { ...pointer, clientX: 700, clientY: 40 })
    expect(own.dataset.corner).toBe('bottom-left')

    await first.user.click(screen.getByText('Garden plans'))
    await waitFor(() => expect(query(ids.stage)).toBeNull())
    await first.user.click(await find(ids.callBarShow))
    await waitFor(() => expect(tile('self')?.dataset.corner).toBe('bottom-left'))
  })

  test('one’s own picture is moved by the arrow keys; a tile among several is not', async () => {
    const { fake, user } = show('call')
    await find(ids.stage)
    await waitFor(() => expect(tile('self')?.tabIndex).toBe(0))
    tile('self')?.focus()
    await user.keyboard('{ArrowDown}{ArrowLeft}{ArrowLeft}')
    expect(tile('self')?.dataset.corner).toBe('bottom-left')
    fake.world.knock('Ana')
    await user.click(await find(ids.knockAdmit))
    await waitFor(() => expect(tile('self')?.dataset.corner).toBeUndefined())
    expect(tile('self')?.tabIndex).toBe(-1)
  })

  test('where there is no decoder the tile says so', async () => {
    // jsdom has no VideoDecoder, like a web view without the right plugins.
    show('call')
    await waitFor(() => expect(all(ids.tileMessage).length).toBeGreaterThan(0))
    expect(all(ids.tileMessage)[0]?.textContent).toContain('no VP8 decoder')
  })

  test('what is wrong with the devices is said in words', async () => {
    show('camera-problem')
    await screen.findByText(/Your camera is used by another program/)
    await screen.findByText(/Your microphone was disconnected/)
  })

  test('a call elsewhere is a bar in the rail, from which it is muted, shown and left', async () => {
    const { fake, user } = show('call-elsewhere')
    expect((await find(ids.callBar)).textContent).toContain('Jonas Weber')
    expect(query(ids.stage)).toBeNull()
    await user.click(await find(ids.callBarMicrophone))
    await waitFor(() => expect(fake.world.call?.own.microphone).toBe(false))
    await user.click(await find(ids.callBarShow))
    await find(ids.stage)
  })

  test('a ring that nobody answered and a lost connection are worded', async () => {
    const { fake } = show('outgoing')
    await find(ids.stage)
    fake.world.endCall('timed_out')
    expect((await find(ids.callStatus)).textContent).toBe('Jonas Weber did not answer')
    fake.world.endCall('lost')
    await waitFor(() => expect(query(ids.callStatus)?.textContent).toBe('The connection was lost'))
  })

  test('a call that cannot be made says why', async () => {
    const { user } = show('main', (fake) => {
      fake.ring = () => Promise.reject({ code: 'microphone_busy', detail: '' })
    })
    await user.click(await find(ids.callAudio))
    expect((await find(ids.toast)).textContent).toContain('blocked by another program')
  })
})

describe('tiles', () => {
  const stage = { width: 1000, height: 500 }
  const inside = (boxes: { left: number; top: number; width: number; height: number }[]) =>
    boxes.every(
      (box) =>
        box.left >= -0.01 &&
        box.top >= -0.01 &&
        box.left + box.width <= 1000.01 &&
        box.top + box.height <= 500.01,
    )

  test('are never stretched, lie inside the stage and do not overlap', () => {
    for (let count = 1; count <= 12; count += 1) {
      const aspects = Array.from({ length: count }, (_, index) => [16 / 9, 4 / 3, 9 / 16][index % 3] ?? 1)
      const boxes = layoutTiles(aspects, stage, 8)
      expect(inside(boxes)).toBe(true)
      for (const [index, box] of boxes.entries())
        expect(box.width / box.height).toBeCloseTo(aspects[index] ?? 0, 5)
      for (const [index, a] of boxes.entries()) {
        for (const b of boxes.slice(index + 1)) {
          const apart =
            a.left + a.width <= b.left + 0.01 ||
            b.left + b.width <= a.left + 0.01 ||
            a.top + a.height <= b.top + 0.01 ||
            b.top + b.height <= a.top + 0.01
          expect(apart).toBe(true)
        }
      }
    }
  })

  test('one fills the stage; three on a wide stage stand side by side, on a high one below each other', () => {
    expect(layoutTiles([16 / 9], stage, 8)[0]?.height).toBe(500)
    const tops = (size: typeof stage) =>
      new Set(layoutTiles([16 / 9, 16 / 9, 16 / 9], size, 8).map(({ top }) => Math.round(top)))
    expect(tops({ width: 1600, height: 300 }).size).toBe(1)
    expect(tops({ width: 300, height: 1600 }).size).toBe(3)
  })

  test('another camera changes no other tile', () => {
    const before = layoutTiles([16 / 9, 16 / 9, 16 / 9], stage, 8)
    const after = layoutTiles([16 / 9, 4 / 3, 16 / 9], stage, 8)
    expect([after[0], after[2]]).toEqual([before[0], before[2]])
  })

  test('a stage of no size has tiles of no size', () => {
    expect(layoutTiles([16 / 9], { width: 0, height: 0 }, 8)).toEqual([
      { left: 0, top: 0, width: 0, height: 0 },
    ])
  })

  test('the self-view keeps its shape in each corner, inside the stage', () => {
    for (const corner of corners) {
      const box = selfBox(4 / 3, stage, 12, corner)
      expect(box.width / box.height).toBeCloseTo(4 / 3, 5)
      expect(corner.endsWith('left') ? box.left : stage.width - box.left - box.width).toBeCloseTo(12, 5)
      expect(corner.startsWith('top') ? box.top : stage.height - box.top - box.height).toBeCloseTo(12, 5)
      expect(nearestCorner(box, stage)).toBe(corner)
    }
  })

  test('the self-view is dragged no further than the edge', () => {
    const box = selfBox(4 / 3, stage, 12, 'top-right')
    const far = movedWithin(box, -9_000, 9_000, stage, 12)
    expect(far).toEqual(selfBox(4 / 3, stage, 12, 'bottom-left'))
  })

  test('arrow keys lead along the edges, and nothing else leads anywhere', () => {
    expect(cornerAfter('top-right', 'ArrowLeft')).toBe('top-left')
    expect(cornerAfter('top-left', 'ArrowDown')).toBe('bottom-left')
    expect(cornerAfter('bottom-left', 'ArrowRight')).toBe('bottom-right')
    expect(cornerAfter('bottom-right', 'ArrowUp')).toBe('top-right')
    expect(cornerAfter('top-right', 'ArrowRight')).toBe('top-right')
    expect(cornerAfter('top-right', 'Enter')).toBeUndefined()
  })
})
