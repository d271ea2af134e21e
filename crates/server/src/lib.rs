//! Accounts, rooms, event log, SSE, signal relay, STUN: what a space runs on
