//! The sizes and frame rates in which pictures are sent, and the rates at which each is worth it.
//!
//! A camera keeps its motion and gives up size first: a face of 360 lines that moves is better company than
//! one of 720 that stutters. A screen keeps its sharpness and gives up pictures: who reads wants letters.
//!
//! VP8 at full speed begins to smear a talking head below about 0.025 bits per pixel; the floors lie there, the largest size's a
//! little above, because others than talking heads would not [fit](super::fit) for the seconds until that is noticed.
//! Each step is entered where the whole estimate, voice included, is at least 1.25 times what it is at the
//! floor, so that one that swings by a tenth either way never goes back and forth: every change of size
//! costs a keyframe.

use super::Content;
use crate::units::Bitrate;

/// One size and frame rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    /// Pixels; a picture of another shape fits into it.
    pub(super) size: (u32, u32),
    /// Pictures per second.
    pub(super) fps: f64,
    /// Below this it is left, headers and repairs included.
    pub(super) floor: Bitrate,
    /// From this on it is taken.
    pub(super) enter: Bitrate,
    /// More than this makes it no better.
    pub(super) most: Bitrate,
}

const fn step(size: (u32, u32), fps: f64, [floor, enter, most]: [u64; 3]) -> Step {
    Step { size, fps, floor: Bitrate::kbps(floor), enter: Bitrate::kbps(enter), most: Bitrate::kbps(most) }
}

const HD: (u32, u32) = (1280, 720);
const QHD: (u32, u32) = (960, 540);
const HALF: (u32, u32) = (640, 360);
const QUARTER: (u32, u32) = (320, 180);

/// From the worst to the best.
const CAMERA: [Step; 7] = [
    step(QUARTER, 7.5, [22, 38, 100]),
    step(QUARTER, 15.0, [42, 66, 200]),
    step(QUARTER, 30.0, [70, 100, 350]),
    step(HALF, 15.0, [105, 147, 500]),
    step(HALF, 30.0, [175, 235, 1000]),
    step(QHD, 30.0, [400, 520, 1800]),
    step(HD, 30.0, [800, 1040, 4000]),
];

/// From the worst to the best.
const SCREEN: [Step; 7] = [
    step(QUARTER, 5.0, [22, 38, 100]),
    step(HALF, 5.0, [65, 95, 500]),
    step(QHD, 5.0, [130, 180, 1000]),
    step(HD, 5.0, [200, 268, 2000]),
    step(HD, 7.5, [350, 460, 3000]),
    step(HD, 15.0, [550, 720, 4000]),
    step(HD, 30.0, [900, 1170, 4000]),
];

/// All steps, from the worst to the best.
pub(super) fn steps(content: Content) -> &'static [Step] {
    match content {
        Content::Camera => &CAMERA,
        Content::Screen => &SCREEN,
    }
}

/// The best step that is of use where at most `lines` are there or shown: the first size that has as many,
/// or nearly.
pub(super) fn best_for(content: Content, lines: u32) -> usize {
    let steps = steps(content);
    // A tenth less is not seen, and a window is rarely exactly as large as a picture.
    let enough = |step: &Step| u64::from(step.size.1) * 11 >= u64::from(lines) * 10;
    let size = steps.iter().find(|step| enough(step)).map_or(HD, |step| step.size);
    steps.iter().rposition(|step| step.size == size).unwrap_or(0)
}

/// The step that takes fewer bits for each second without what the content needs most: a camera's motion, a screen's sharpness.
pub(super) fn smaller(content: Content, step: usize) -> Option<usize> {
    let steps = steps(content);
    let size = steps.get(step)?.size;
    match content {
        Content::Camera => steps[..step].iter().rposition(|smaller| smaller.size != size),
        Content::Screen => step.checked_sub(1),
    }
}

/// The best step that may be taken at this rate.
pub(super) fn entered_at(content: Content, rate: Bitrate) -> usize {
    steps(content).iter().rposition(|step| step.enter <= rate).unwrap_or(0)
}

/// The best step that has some room below it at this rate: where one goes on the way down, so that a rate
/// that still falls does not cost a keyframe for each step.
pub(super) fn held_at(content: Content, rate: Bitrate) -> usize {
    let room = |step: &Step| step.floor.as_bps() * 23 / 20 <= rate.as_bps();
    steps(content).iter().rposition(room).unwrap_or(0)
}
