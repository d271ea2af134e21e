//! The demo's figures: from what both tiles showed and from what all processes used.

use super::{Party, Watched};
use crate::process::Usage;
use crate::report::{DemoReport, ProcessFigures, Quantiles, TileFigures};
use crate::windows::{Seat, TileStory};

/// What all processes of both windows have used, by window.
pub(super) fn usage(party: &Party) -> [Vec<Usage>; 2] {
    [party.ada.usage(), party.ben.usage()]
}

/// Fills in what can be said after the call was watched.
pub(super) fn fill_in(report: &mut DemoReport, party: &Party, before: &[Vec<Usage>; 2], watched: &Watched) {
    let ms = watched.to_ms.saturating_sub(watched.from_ms);
    let seats = [&party.ada, &party.ben];
    let now = usage(party);
    let figures = |seat: &Seat, before: &[Usage], now: &[Usage]| -> Vec<(bool, ProcessFigures)> {
        let of = |now: &Usage| {
            // A process that began meanwhile has used all of its time meanwhile.
            let usage =
                before.iter().find(|before| before.pid == now.pid).map_or(now.clone(), |it| now.since(it));
            let cpu_percent = usage.cpu_seconds * 100_000.0 / ms.max(1) as f64;
            (
                seat.is_app(now),
                ProcessFigures { window: Some(seat.window.who().to_owned()), usage, cpu_percent },
            )
        };
        now.iter().map(of).collect()
    };
    let all: Vec<_> = seats
        .iter()
        .zip(before)
        .zip(&now)
        .flat_map(|((seat, before), now)| figures(seat, before, now))
        .collect();
    let app = || all.iter().filter(|(is_app, _)| *is_app).map(|(_, figures)| figures);
    report.app_cpu_percent = Some(app().map(|it| it.cpu_percent).sum());
    report.app_pss_mib = app().map(|it| it.usage.pss_mib).sum();
    report.processes = all.into_iter().map(|(_, figures)| figures).collect();

    let (ada, ben) = (party.ada.window.who(), party.ben.window.who());
    report.tiles = vec![tile(ben, ada, &watched.ada_saw, watched), tile(ada, ben, &watched.ben_saw, watched)];
    let delays = report.tiles.iter().filter_map(|tile| tile.glass_to_glass_ms);
    report.glass_to_glass_ms = delays.reduce(Quantiles::worse);
    report.fps = report.tiles.iter().filter_map(|tile| tile.fps).reduce(f64::min);
}

fn tile(from: &str, to: &str, story: &TileStory, watched: &Watched) -> TileFigures {
    let moments = story.sightings.iter().map(|seen| seen.at_ms).chain([watched.to_ms]);
    let mut last = watched.from_ms;
    let gaps = moments.map(|at| at.saturating_sub(std::mem::replace(&mut last, at)));
    let seconds = watched.to_ms.saturating_sub(watched.from_ms) as f64 / 1000.0;
    TileFigures {
        from: from.to_owned(),
        to: to.to_owned(),
        glass_to_glass_ms: story.glass_to_glass_ms(),
        fps: story.fps(),
        frames: story.sightings.len() as u64,
        longest_gap_ms: gaps.max().unwrap_or_default(),
        animation_fps: story.animation_frames as f64 / seconds.max(0.001),
    }
}
