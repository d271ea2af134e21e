//! The fuzzers' functions over random bytes, so that every run of the tests covers a little of them.

#[allow(unreachable_pub)]
mod promises;

use proptest::prelude::*;

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

proptest! {
    #[test]
    fn descriptors_of_any_bytes(data in bytes(40)) {
        promises::descriptor(&data);
    }

    #[test]
    fn video_of_any_bytes(data in bytes(2000)) {
        promises::video(&data);
    }

    #[test]
    fn feedback_of_any_bytes(data in bytes(1000)) {
        promises::feedback(&data);
    }

    #[test]
    fn orders_to_the_pacer_of_any_bytes(data in bytes(1000)) {
        promises::pacer(&data);
    }

    #[test]
    fn sound_of_any_bytes(data in bytes(2000)) {
        promises::audio(&data);
    }
}
