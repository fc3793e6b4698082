public import Martlet

/// Compresses all that a connection sends, as one zlib stream (RFC 1950) a message, and inflates what comes.
///
/// ```swift
/// let options = ConnectionOptions(transforms: [ZlibCompression(.best)])
/// ```
///
/// It is commlib-py's compression. Nothing on the wire says that it is there, so that every peer of the connection has to
/// be set up for it: one of commlib-py that is not fails on what it gets.
///
/// What comes uncompressed is read as it is, so that peers can be changed over one after the other. So are the LZ4 frames
/// that commlib-py sends in place of zlib's streams where python-lz4 is installed; they are never sent.
public struct ZlibCompression: BodyTransform {
    /// How hard it tries.
    public var level: CompressionLevel
    /// How many bytes a message may have when it is inflated. One that has more is not read: it is counted in
    /// `ConnectionStatistics.undecodable` and skipped, as `MessagingError.Code.bodyTooLarge`.
    public var maximumBytes: Int

    /// zlib's own compromise, and messages of up to 16 MiB, unless told.
    public init(_ level: CompressionLevel = .standard, maximumBytes: Int = 16 << 20) {
        self.level = level
        self.maximumBytes = maximumBytes
    }

    /// The compressed bytes.
    public func outgoing(_ bytes: [UInt8]) throws -> [UInt8] {
        // What looks compressed already would be inflated on arrival.
        if level == .none, !Zlib.isStream(bytes), !LZ4Frame.isFrame(bytes) { return bytes }
        return try Zlib.compress(bytes, level: level.number)
    }

    /// The bytes that were compressed; the bytes themselves if they are not compressed.
    ///
    /// - Throws: `MessagingError.Code.bodyTooLarge`; `MessagingError.Code.decodingFailed` for what
    ///   begins as something compressed and goes on as something else.
    public func incoming(_ bytes: [UInt8]) throws -> [UInt8] {
        if Zlib.isStream(bytes) { return try Zlib.inflate(bytes, limit: maximumBytes) }
        if LZ4Frame.isFrame(bytes) { return try LZ4Frame.decode(bytes, limit: maximumBytes) }
        return bytes
    }
}
