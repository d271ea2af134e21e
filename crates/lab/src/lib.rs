//! Headless peers and windows, measured
