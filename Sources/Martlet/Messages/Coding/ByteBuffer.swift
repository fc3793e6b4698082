/// Bytes that are being written.
typealias ByteBuffer = GrowingBuffer<UInt8>

extension GrowingBuffer: ByteSink where Element == UInt8 {}
