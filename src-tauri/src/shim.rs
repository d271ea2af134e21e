#![allow(missing_docs, dead_code)]
pub trait Shim {
    fn subscribe_video(&self, n: &snug_client::StreamName) -> Option<snug_call::VideoStream>;
    fn request_keyframe(&self, n: &snug_client::StreamName);
}
impl Shim for snug_client::Client {
    fn subscribe_video(&self, _: &snug_client::StreamName) -> Option<snug_call::VideoStream> {
        None
    }
    fn request_keyframe(&self, _: &snug_client::StreamName) {}
}
