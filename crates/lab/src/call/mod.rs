//! A headless call between processes, measured.
//!
//! The measuring process only starts the others, gives orders and computes: nothing of the call runs in it but, where it is held on
//! an emulated network, that network. Who takes part are people of the app ([`Party`]) or a browser's guests (`visit`).

pub mod gate;
mod gathering;
mod measure;
mod minutes;
mod options;
mod party;
mod path;
pub mod scores;
mod visit;

pub use measure::figures;
pub use options::{CallOptions, NetworkOptions, Video};
pub use party::{Beginning, MAX_CALLS, Party, serving, start_person, start_space};

use crate::browser::Clip;
use crate::net::Network;
use crate::peer::messages::Received;
use crate::process::{Awake, CpuTimes, Program, Run, Usage};
use crate::report::{CallReport, Figures, Lateness, NetworkReport, Pair};
use anyhow::{Context, Result};
use gathering::Gathering;
use party::NAMES;
use path::Way;
use scores::Recorded;
use snug_call::Clock;
use std::time::Duration;
use tokio::time::sleep;
use visit::Visit;

/// Who roams has no network for this long: a cable is pulled, and then Wi-Fi found.
const BETWEEN_NETWORKS: Duration = Duration::from_millis(200);

/// What one peer received, and what its process used for it.
struct Taken {
    received: Received,
    usage: Option<Usage>,
}

/// Holds the call and measures it; then, where one is asked for, the same call between two browsers. An error is a call that did not
/// happen.
pub async fn measure(program: &Program, options: &CallOptions) -> Result<CallReport> {
    if let Some(folder) = &options.record {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let scratch = tempfile::tempdir()?;
    let mut options = options.clone();
    if options.scores.any() {
        // Scores are of what was recorded.
        options.record.get_or_insert_with(|| scratch.path().to_owned());
    }
    let options = &options;
    let network = open_network(options)?;
    let report = match options.with {
        None => {
            let mut parties = Vec::new();
            for call in 0..options.calls {
                parties.push(Party::gather_on(network.as_ref(), call, program, options).await?);
            }
            hold(parties, network, options).await?
        }
        Some(browser) => {
            let visit = Visit::gather_on(network.as_ref(), program, options, (None, browser)).await?;
            hold(vec![visit], network, options).await?
        }
    };
    let Some(browser) = options.baseline else { return Ok(report) };
    let baseline = async {
        let network = open_network(options)?;
        let both = (Some(browser), browser);
        let visit = Visit::gather_on(network.as_ref(), program, options, both).await?;
        hold(vec![visit], network, options).await
    };
    Ok(report.beside(baseline.await.context("the baseline")?))
}

fn open_network(options: &CallOptions) -> Result<Option<Network>> {
    let people = options.calls * 2;
    let open = |wanted: &NetworkOptions| Network::open(&wanted.plan, wanted.seed, people, wanted.download);
    options.network.as_ref().map(open).transpose()
}

/// Holds calls that are ready to begin, all at the same time.
async fn hold<G: Gathering>(
    mut parties: Vec<G>,
    mut network: Option<Network>,
    options: &CallOptions,
) -> Result<CallReport> {
    let run = Run::new();
    let awake = Awake::start(&run);
    let machine = || Some(CpuTimes::read()?.with_spinners(awake.cpu_seconds()));
    let usage = |parties: &[G]| -> Vec<Option<Usage>> { parties.iter().flat_map(Gathering::usage).collect() };
    for party in &mut parties {
        party.ring().await?;
    }
    // What the call costs is counted from the accepting on.
    let (before, machine_before) = (usage(&parties), machine());
    if let Some(network) = &mut network {
        network.begin()?;
    }
    let mut starts = Vec::new();
    for party in &mut parties {
        starts.push(party.accept().await?);
    }
    let gone_us = match (&network, options.network.as_ref().and_then(|network| network.roam)) {
        (Some(network), Some(at)) => Some(roam(network, &starts[0], at).await?),
        _ => None,
    };
    let mut rss_mib = vec![Vec::new(); starts.len() * 2];
    for end in minutes::ends(options.length) {
        starts[0].go_on_for(end).await?;
        for (person, usage) in rss_mib.iter_mut().zip(usage(&parties)) {
            person.push(usage.map(|usage| usage.rss_mib));
        }
    }
    for start in &starts {
        start.go_on_for(options.length).await?;
    }
    let (after, load) = (usage(&parties), machine_before.and_then(|before| machine()?.since(&before)));
    let usages = after.iter().zip(&before).map(|(after, before)| {
        after.as_ref().zip(before.as_ref()).map(|(after, before)| after.since(before))
    });

    let mut ended_early = Vec::new();
    let mut received = Vec::new();
    for party in &mut parties {
        ended_early.extend(party.ended_early().await?.into_iter().map(str::to_owned));
        received.extend(party.hang_up(options).await?);
    }
    let names: Vec<&str> = parties.iter().flat_map(Gathering::names).collect();
    let recorded_as: Vec<String> = parties.iter().flat_map(Gathering::recorded_as).collect();
    let clips: Vec<Option<Clip>> = parties.iter().flat_map(Gathering::clips).collect();
    for party in parties {
        party.leave().await?;
    }
    drop(awake);
    let taken: Vec<Taken> =
        received.into_iter().zip(usages).map(|(received, usage)| Taken { received, usage }).collect();
    let measured = network.map(Network::close).transpose()?;
    let way = options.network.as_ref().zip(measured.as_ref()).map(|(network, measured)| Way {
        plan: &network.plan,
        meter: &measured.meter,
        length: options.length,
    });

    let mut pairs = Vec::new();
    for (to, peer) in taken.iter().enumerate() {
        let from = CallOptions::other(to);
        let start = &starts[to / 2];
        let mut figures = figures_of(start, to, &taken, options);
        if let Some(way) = &way {
            way.add_to(&mut figures, to, options.sends_video(from));
        }
        // It is the first person who moves.
        if let Some(gone_us) = gone_us.filter(|_| from == 0) {
            figures.media_back_ms = measure::media_back_ms(&peer.received, gone_us);
        }
        if let Some(folder) = &options.record {
            let clip = clips[from].as_ref().map(|clip| clip.frames);
            let recorded = Recorded { folder, name: &recorded_as[to], clip };
            options.scores.add_to(&mut figures, options, to, &recorded)?;
        }
        let minutes = minutes::of(start, to, &peer.received, &rss_mib[to]);
        pairs.push(Pair { from: names[from].to_owned(), to: names[to].to_owned(), figures, minutes });
    }
    let report = options.network.as_ref().zip(measured.as_ref()).map(|(wanted, measured)| NetworkReport {
        schedule: wanted.plan.to_string(),
        seed: wanted.seed,
        forwarder_late_ms: Lateness::of(&measured.late_ms),
        download_kbps: way.and_then(|way| way.download()).map(|(kbps, _)| kbps),
        download_share: way.and_then(|way| way.download()).and_then(|(_, share)| share),
    });
    let mut report =
        CallReport { ended_early, ..CallReport::of(names.len(), options.length.as_secs_f64(), load, pairs) }
            .on(report);
    for pair in &report.pairs {
        anyhow::ensure!(pair.figures.frames_decoded != Some(0), "{} saw nothing of {}", pair.to, pair.from);
        if pair.figures.frames_decoded == Some(1) {
            report.validity.doubt(format!("{} saw one picture only", pair.to));
        }
    }
    Ok(report)
}

fn figures_of(start: &Beginning, to: usize, taken: &[Taken], options: &CallOptions) -> Figures {
    let (peer, other) = (&taken[to], &taken[CallOptions::other(to)]);
    figures(start, to, &peer.received, &other.received.sent, options, peer.usage.as_ref())
}

/// Moves the first person to another network, so long after the accepting; gives when the old one went away, in microseconds since
/// 1970.
async fn roam(network: &Network, start: &Beginning, at: Duration) -> Result<u64> {
    start.go_on_for(at).await?;
    let clock = Clock::shared();
    let gone = clock.unix_micros(clock.now());
    network.go_away(0);
    sleep(BETWEEN_NETWORKS).await;
    network.come_back(0)?;
    Ok(gone)
}
