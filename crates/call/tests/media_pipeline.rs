//! Camera to decoded picture and mouth to ear, inside one process and without a network.
#![allow(clippy::unwrap_used)]

use snug_call::audio::{AudioProcessing, AudioSender, AudioSettings, FarEnd, Playout};
use snug_call::clock::Clock;
use snug_call::device::{CameraChoice, DeviceError, DeviceState, MicrophoneChoice, SpeakerChoice};
use snug_call::video::{EncodedFrames, VideoDecoder, VideoFormat, VideoSender, VideoSettings};
use snug_media::allocate::Voice;
use snug_media::audio::packet_samples;
use snug_media::level::dbov;
use snug_media::pattern::{self, Code};
use snug_media::tone::{MarkerDetector, delay_of, dominant_frequency};
use snug_media::{Bitrate, EncodedFrame, RtpTime, Seq, Time};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(30);
const SMALL: VideoFormat = VideoFormat { width: 320, height: 180, fps: 30 };

fn video(camera: CameraChoice) -> VideoSettings {
    VideoSettings { camera: Some(camera), on: true, format: SMALL, bitrate: Bitrate::kbps(500) }
}

async fn next(frames: &mut EncodedFrames) -> Arc<EncodedFrame> {
    timeout(LONG, frames.next()).await.unwrap().unwrap()
}

fn shown(decoder: &mut VideoDecoder, frame: &EncodedFrame) -> Code {
    let picture = decoder.decode(&frame.data).unwrap().unwrap();
    let (width, height) = (picture.width(), picture.height());
    pattern::read(picture.y(), width, height, width as usize).unwrap()
}

#[tokio::test]
async fn the_test_picture_arrives_moving_and_stamped() {
    let (sender, mut events) = VideoSender::start(video(CameraChoice::Pattern { sender: 6 }));
    let mut frames = sender.subscribe();
    let mut decoder = VideoDecoder::new().unwrap();
    let clock = Clock::shared();
    let mut last: Option<(u32, Time, u32)> = None;
    for number in 0..30 {
        let frame = next(&mut frames).await;
        assert_eq!(frame.keyframe, number == 0);
        assert_eq!((frame.width, frame.height), (320, 180));
        let code = shown(&mut decoder, &frame);
        assert_eq!(code.sender, 6);
        let captured_at = frame.captured_at.unwrap();
        assert_eq!(code.age_ms(clock.unix_ms(captured_at)), 0, "the picture says when it was taken");
        if let Some((frame_no, at, rtp)) = last {
            assert!(code.frame_no > frame_no);
            let ticks = frame.rtp_time.0.wrapping_sub(rtp);
            let expected = captured_at.since(at).as_micros() as u32 * 9 / 100;
            assert!(ticks.abs_diff(expected) <= 1, "{ticks} ticks, not {expected}");
        }
        last = Some((code.frame_no, captured_at, frame.rtp_time.0));
    }
    let state = events.recv().await.unwrap().state;
    assert_eq!(state, DeviceState::Working { name: "Test picture".to_owned() });
    let stats = sender.stats();
    assert!(stats.frames_encoded >= 30 && stats.key_frames_encoded == 1 && stats.frame_size == (320, 180));
}

#[tokio::test]
async fn a_second_watcher_begins_with_a_keyframe_and_a_slow_one_resumes_at_one() {
    let (sender, _events) = VideoSender::start(video(CameraChoice::Pattern { sender: 0 }));
    let mut first = sender.subscribe();
    for _ in 0..5 {
        next(&mut first).await;
    }
    let mut second = sender.subscribe();
    let mut decoder = VideoDecoder::new().unwrap();
    let frame = next(&mut second).await;
    assert!(frame.keyframe);
    let joined = shown(&mut decoder, &frame).frame_no;
    // It looks away for two seconds, while the first goes on.
    for _ in 0..60 {
        next(&mut first).await;
    }
    // What waited in its backlog is out of date: the next is the keyframe that it asks for.
    let frame = next(&mut second).await;
    assert!(frame.keyframe, "never a delta frame whose predecessor is missing");
    assert!(shown(&mut decoder, &frame).frame_no > joined + 40);
    shown(&mut decoder, &*next(&mut second).await);
}

#[tokio::test]
async fn a_keyframe_comes_when_asked_for_and_many_requests_make_one() {
    let (sender, _events) = VideoSender::start(video(CameraChoice::Pattern { sender: 0 }));
    let mut frames = sender.subscribe();
    for _ in 0..15 {
        next(&mut frames).await;
    }
    for _ in 0..10 {
        sender.request_keyframe();
    }
    let mut keyframes = 0;
    for _ in 0..40 {
        keyframes += u32::from(next(&mut frames).await.keyframe);
    }
    // The first request at once, the nine others together by one a little later.
    assert!((1..=2).contains(&keyframes), "{keyframes}");
}

#[tokio::test]
async fn off_is_dark_and_on_begins_with_a_keyframe() {
    let (sender, mut events) = VideoSender::start(video(CameraChoice::Pattern { sender: 0 }));
    let mut frames = sender.subscribe();
    next(&mut frames).await;
    sender.set_on(false);
    // At most the one that was on its way, and then nothing.
    while timeout(Duration::from_millis(300), frames.next()).await.is_ok() {}
    let captured = sender.stats().frames_captured;
    assert!(timeout(Duration::from_millis(200), frames.next()).await.is_err());
    assert_eq!(sender.stats().frames_captured, captured, "the camera is closed");
    sender.set_on(true);
    assert!(next(&mut frames).await.keyframe);
    let mut worked = 0;
    while let Ok(event) = events.try_recv() {
        worked += u32::from(matches!(event.state, DeviceState::Working { .. }));
    }
    assert_eq!(worked, 2);
}

#[tokio::test]
async fn a_camera_that_is_not_there_says_so_and_another_takes_over() {
    let missing = CameraChoice::File { path: "/nowhere/at/all.y4m".into(), stamp: None };
    let (sender, mut events) = VideoSender::start(video(missing));
    let mut frames = sender.subscribe();
    let state = timeout(LONG, events.recv()).await.unwrap().unwrap().state;
    assert_eq!(state, DeviceState::Failed(DeviceError::NotFound));
    sender.set_camera(Some(CameraChoice::Pattern { sender: 1 }));
    let state = timeout(LONG, events.recv()).await.unwrap().unwrap().state;
    assert!(matches!(state, DeviceState::Working { .. }));
    assert!(next(&mut frames).await.keyframe);
    sender.set_camera(Some(CameraChoice::Pattern { sender: 2 }));
    let mut decoder = VideoDecoder::new().unwrap();
    sender.request_keyframe();
    let changed = async {
        loop {
            let frame = next(&mut frames).await;
            if let Ok(Some(picture)) = decoder.decode(&frame.data)
                && pattern::read(picture.y(), 320, 180, 320).is_some_and(|code| code.sender == 2)
            {
                break;
            }
        }
    };
    timeout(LONG, changed).await.unwrap();
    drop(sender);
    let ended = async { while frames.next().await.is_some() {} };
    timeout(LONG, ended).await.unwrap();
}

fn tone(hz: f32) -> AudioSettings {
    AudioSettings {
        microphone: MicrophoneChoice::Tone { hz },
        processing: AudioProcessing::OFF,
        ..AudioSettings::default()
    }
}

#[tokio::test]
async fn the_tone_goes_from_mouth_to_ear_with_its_time() {
    let clock = Clock::shared();
    let (heard, mut blocks) = tokio::sync::mpsc::channel::<(Time, Vec<f32>)>(1000);
    let observer = Box::new(move |at, samples: &[f32]| drop(heard.try_send((at, samples.to_vec()))));
    let (playout, far_end, _) = Playout::start(SpeakerChoice::Null, Some(observer));
    let stream = playout.add_stream().unwrap();
    let (_sender, mut packets, _) = AudioSender::start(tone(440.0), far_end);
    let mut detector = MarkerDetector::new(48_000);
    let mut sound = Vec::new();
    let mut delays = Vec::new();
    let mut seq = Seq(65_530);
    let story = async {
        while delays.len() < 3 {
            tokio::select! {
                Some(packet) = packets.next() => {
                    stream.push(clock.now(), seq, packet.rtp_time, packet.payload);
                    seq = seq.next();
                }
                Some((at, samples)) = blocks.recv() => {
                    let unix = Time::from_micros(clock.unix_micros(at));
                    delays.extend(detector.push(&samples, unix).map(delay_of));
                    sound.extend(samples);
                }
            }
        }
    };
    timeout(LONG, story).await.unwrap();
    let last = &sound[sound.len() - 72_000..sound.len() - 4800];
    let pitch = dominant_frequency(last, 48_000).unwrap();
    assert!((435.0..445.0).contains(&pitch), "{pitch}");
    let latest = delays.last().unwrap();
    assert!(*latest > Duration::from_millis(20), "a packet alone lasts 20 ms: {delays:?}");
    assert!(*latest < Duration::from_millis(200), "{delays:?}");
    assert!(stream.level().speaking, "a tone rings the tile as a voice does");
    let (_, heard_at) = stream.heard().unwrap();
    assert!(heard_at.micros_from(clock.now()).abs() < 200_000);
    let stats = stream.stats();
    assert!(stats.packets_received > 100 && stats.concealed_ratio() < 0.2, "{stats:?}");
}

#[tokio::test]
async fn packets_lengthen_and_shorten_while_the_microphone_runs_and_their_stamps_stay_one_count() {
    let (sender, mut packets, _) = AudioSender::start(tone(440.0), FarEnd::silent());
    let voice =
        |ms, kbps| Voice { bitrate: Bitrate::kbps(kbps), packet_time: Duration::from_millis(ms), loss: 0.0 };
    let mut expected: Option<RtpTime> = None;
    let story = async {
        for (ms, kbps, samples) in [(60, 17, 2880), (20, 32, 960), (60, 17, 2880)] {
            sender.set_voice(voice(ms, kbps));
            loop {
                let packet = packets.next().await.unwrap();
                let length = packet_samples(&packet.payload).unwrap();
                let gap = packet.rtp_time.since(expected.unwrap_or(packet.rtp_time));
                // Where the machine stood still for a while there is a gap; never is sound counted twice.
                assert!(gap >= 0, "{gap} samples");
                expected = Some(packet.rtp_time.add(length));
                if length == samples {
                    break;
                }
            }
        }
    };
    timeout(LONG, story).await.unwrap();
}

#[tokio::test]
async fn muted_is_silent_and_the_level_meter_works_without_anybody_listening() {
    let (sender, packets, _) = AudioSender::start(tone(440.0), FarEnd::silent());
    drop(packets);
    let mut level = sender.level();
    let loud = timeout(LONG, level.wait_for(|level| level.speaking && level.level > 0.5)).await;
    assert!(loud.unwrap().is_ok());
    sender.set_muted(true);
    let quiet = timeout(LONG, level.wait_for(|level| !level.speaking && level.level < 0.05)).await;
    assert!(quiet.unwrap().is_ok());
}

#[tokio::test]
async fn what_would_be_heard_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heard.wav");
    let clock = Clock::shared();
    let (playout, far_end, mut events) = Playout::start(SpeakerChoice::File(path.clone()), None);
    let stream = playout.add_stream().unwrap();
    let (sender, mut packets, _) = AudioSender::start(tone(600.0), far_end);
    timeout(LONG, events.recv()).await.unwrap().unwrap();
    for seq in 0..100 {
        let packet = timeout(LONG, packets.next()).await.unwrap().unwrap();
        stream.push(clock.now(), Seq(seq), packet.rtp_time, packet.payload);
    }
    drop((sender, playout));
    // The thread ends by itself and closes the file; until then the header tells of whole seconds.
    let recorded = async {
        loop {
            if let Ok(mut reader) = hound::WavReader::open(&path) {
                let samples: Vec<f32> =
                    reader.samples::<i16>().map_while(Result::ok).map(|s| f32::from(s) / 32_768.0).collect();
                if samples.len() >= 72_000 {
                    return samples;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let samples = timeout(LONG, recorded).await.unwrap();
    let pitch = dominant_frequency(&samples[24_000..72_000], 48_000).unwrap();
    assert!((595.0..605.0).contains(&pitch), "{pitch}");
    assert!(dbov(&samples[48_000..72_000]) > -25.0);
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_not_heard_any_more() {
    let clock = Clock::shared();
    let (heard, mut blocks) = tokio::sync::mpsc::channel::<f32>(1000);
    let observer = Box::new(move |_, samples: &[f32]| heard.try_send(dbov(samples)).unwrap_or(()));
    let (playout, far_end, _) = Playout::start(SpeakerChoice::Null, Some(observer));
    let (_sender, mut packets, _) = AudioSender::start(tone(440.0), far_end);
    let mut stream = Some(playout.add_stream().unwrap());
    let mut seq = Seq(0);
    let (mut loud, mut quiet) = (0, 0);
    let story = async {
        while quiet < 20 {
            tokio::select! {
                Some(packet) = packets.next() => {
                    if let Some(stream) = &stream {
                        stream.push(clock.now(), seq, packet.rtp_time, packet.payload);
                        seq = seq.next();
                    }
                }
                Some(level) = blocks.recv() => {
                    loud += u32::from(level > -20.0);
                    if loud > 30 {
                        stream = None;
                    }
                    if stream.is_none() {
                        quiet = if level < -100.0 { quiet + 1 } else { 0 };
                    }
                }
            }
        }
    };
    timeout(LONG, story).await.unwrap();
}
