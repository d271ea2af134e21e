// WebCodecs behind the interface that stream.ts wants. The only file that names VideoDecoder.

import type { VideoPacket } from '../backend/backend'
import type { Decoder } from './stream'

const CONFIG: VideoDecoderConfig = { codec: 'vp8', optimizeForLatency: true }

/** Whether this webview can decode what we send. Asked once; the answer does not change while it runs. */
export async function canDecode(): Promise<boolean> {
  if (typeof VideoDecoder === 'undefined') return false
  try {
    return (await VideoDecoder.isConfigSupported(CONFIG)).supported === true
  } catch {
    return false
  }
}

export function webCodecsDecoder(
  onPicture: (picture: VideoFrame) => void,
  onError: (reason: unknown) => void,
): Decoder {
  const decoder = new VideoDecoder({ output: onPicture, error: onError })
  decoder.configure(CONFIG)
  return {
    get backlog() {
      return decoder.decodeQueueSize
    },
    decode({ keyframe, timestamp, data }: VideoPacket) {
      decoder.decode(new EncodedVideoChunk({ type: keyframe ? 'key' : 'delta', timestamp, data }))
    },
    close() {
      if (decoder.state !== 'closed') decoder.close()
    },
  }
}
