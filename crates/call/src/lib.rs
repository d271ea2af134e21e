//! A call: devices, codecs, peer connections
