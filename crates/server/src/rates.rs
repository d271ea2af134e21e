//! Token buckets: per address for those who are not signed in, per device for those who are, and a strict one for attempts at
//! getting in. An IPv6 host has a whole /64, so that is its address here.

use crate::{
    config::{Limits, Rate},
    failure::{Failure, Result},
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use snug_protocol::{ApiError, DeviceId, ErrorCode};
use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::Duration,
};

/// Buckets of one kind.
pub(crate) struct Buckets<K: Hash + Eq + Clone>(DefaultKeyedRateLimiter<K>);

/// A quota as the limiter takes it. Zeroes, which would mean never, become the smallest step.
pub(crate) fn quota(rate: Rate) -> Quota {
    let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(rate.every.max(Duration::from_nanos(1)))
        .expect("the period is not zero")
        .allow_burst(burst)
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self(RateLimiter::keyed(quota(rate)))
    }

    /// Takes one token of `key`'s.
    pub(crate) fn take(&self, key: &K) -> Result<()> {
        self.0.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            let mut error = ApiError::new(ErrorCode::RateLimited, "too many requests");
            error.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1));
            Failure::Refused(error)
        })
    }

    /// Whether there was one to take.
    pub(crate) fn allows(&self, key: &K) -> bool {
        self.0.check_key(key).is_ok()
    }

    /// Drops the buckets that are full again, which say nothing.
    pub(crate) fn forget_full(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
    }
}

/// All buckets of the HTTP interface.
pub(crate) struct Rates {
    pub(crate) address: Buckets<IpAddr>,
    pub(crate) session: Buckets<DeviceId>,
    pub(crate) sign_in: Buckets<IpAddr>,
    pub(crate) knock: Buckets<IpAddr>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            address: Buckets::new(limits.per_address),
            session: Buckets::new(limits.per_session),
            sign_in: Buckets::new(limits.sign_in),
            knock: Buckets::new(limits.knock),
        }
    }

    /// Keeps the memory of addresses that were seen once from growing; called each minute.
    pub(crate) fn forget_full(&self) {
        self.address.forget_full();
        self.session.forget_full();
        self.sign_in.forget_full();
        self.knock.forget_full();
    }
}

/// What stands for one host: an IPv4 address, or an IPv6 /64.
pub(crate) fn host_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_refuses_beyond_its_burst_and_says_when_to_come_again() {
        let buckets = Buckets::new(Rate::new(2, Duration::from_secs(60)));
        assert!(buckets.take(&1).is_ok() && buckets.take(&1).is_ok());
        let Err(Failure::Refused(error)) = buckets.take(&1) else { panic!("a third was let through") };
        assert_eq!(error.code, ErrorCode::RateLimited);
        assert!(error.retry_after_ms.is_some_and(|ms| (50_000..=60_000).contains(&ms)));
        assert!(buckets.take(&2).is_ok(), "another key has its own");
    }

    #[test]
    fn a_host_is_a_v4_address_or_a_v6_network() {
        let same = |a: &str, b: &str| host_of(a.parse().expect("ip")) == host_of(b.parse().expect("ip"));
        assert!(same("2001:db8:0:1::5", "2001:db8:0:1:ffff::9"));
        assert!(!same("2001:db8:0:1::5", "2001:db8:0:2::5"));
        assert!(same("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!same("10.0.0.1", "10.0.0.2"));
    }
}
