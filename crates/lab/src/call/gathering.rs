//! What a call is held between, as the one who measures it sees it.

use super::party::Beginning;
use super::{CallOptions, Party};
use crate::browser::Clip;
use crate::peer::messages::Received;
use crate::process::Usage;
use anyhow::Result;

/// Two people who can hold a call.
pub(super) trait Gathering: Sized {
    /// What the two are called.
    fn names(&self) -> [&'static str; 2];
    /// What the processes of each have used.
    fn usage(&self) -> [Option<Usage>; 2];
    /// The first is in the call, and the second has only to say yes.
    async fn ring(&mut self) -> Result<()>;
    /// The second says yes, and media flows.
    async fn accept(&mut self) -> Result<Beginning>;
    /// Whose call is over although nobody hung up.
    async fn ended_early(&mut self) -> Result<Vec<&'static str>>;
    /// The call ends; gives what each received.
    async fn hang_up(&mut self, options: &CallOptions) -> Result<[Received; 2]>;
    /// Both go home.
    async fn leave(self) -> Result<()>;
    /// What the name of each one's recordings begins with.
    fn recorded_as(&self) -> [String; 2];
    /// The clip that each one's camera plays over and over, where it is one with numbers of its own.
    fn clips(&self) -> [Option<Clip>; 2];
}

impl Gathering for Party {
    fn names(&self) -> [&'static str; 2] {
        Party::names(self)
    }

    fn usage(&self) -> [Option<Usage>; 2] {
        self.pids().map(|pid| pid.and_then(Usage::of))
    }

    async fn ring(&mut self) -> Result<()> {
        Party::ring(self).await
    }

    async fn accept(&mut self) -> Result<Beginning> {
        Party::accept(self).await
    }

    async fn ended_early(&mut self) -> Result<Vec<&'static str>> {
        Ok(Party::ended_early(self))
    }

    async fn hang_up(&mut self, _options: &CallOptions) -> Result<[Received; 2]> {
        Party::hang_up(self).await
    }

    async fn leave(self) -> Result<()> {
        Party::leave(self).await
    }

    fn recorded_as(&self) -> [String; 2] {
        Party::names(self).map(str::to_owned)
    }

    fn clips(&self) -> [Option<Clip>; 2] {
        [None, None]
    }
}
