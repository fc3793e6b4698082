import CZlib
import Martlet

/// zlib's streams.
enum Zlib {
    private static let presetDictionary: UInt8 = 0x20

    /// Whether bytes begin as a stream: by deflate, with a window of up to 32 KiB, and a checksum of these two bytes (RFC
    /// 1950, section 2.2). JSON never does: numbers such as 80 only begin as streams that need a dictionary, which nobody here has.
    static func isStream(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 2 else { return false }
        let (method, flags) = (bytes[0], bytes[1])
        guard method & 0x0f == 8, method >> 4 <= 7, (Int(method) << 8 | Int(flags)).isMultiple(of: 31) else {
            return false
        }
        return flags & presetDictionary == 0
    }

    static func compress(_ bytes: [UInt8], level: Int32) throws -> [UInt8] {
        var code = Z_OK
        let result = [UInt8](unsafeUninitializedCapacity: Int(compressBound(uLong(bytes.count)))) { output, count in
            var size = uLong(output.count)
            code = compress2(output.baseAddress, &size, bytes, uLong(bytes.count), level)
            count = code == Z_OK ? Int(size) : 0
        }
        guard code == Z_OK else {
            throw MessagingError(.encodingFailed, "\(bytes.count) bytes could not be compressed: zlib's error \(code)")
        }
        return result
    }

    /// What a stream says. No more memory is used than a little above the limit.
    static func inflate(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
        guard let size = uInt(exactly: bytes.count) else {
            throw MessagingError(.bodyTooLarge, "\(bytes.count) compressed bytes are more than zlib takes at once")
        }
        var bytes = bytes
        // One byte more shows that there are too many.
        let limit = min(max(limit, 0), .max - 1)
        var stream = z_stream()
        guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw MessagingError(.decodingFailed, "zlib could not be set up")
        }
        defer { inflateEnd(&stream) }
        return try bytes.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = size
            var result: [UInt8] = []
            var code = Z_OK
            while code != Z_STREAM_END {
                // The most that deflate makes of a byte is about a thousand; text becomes a tenth.
                let room = min(max(4_096, result.isEmpty ? 4 * input.count : result.count), limit - result.count + 1)
                let part = [UInt8](unsafeUninitializedCapacity: room) { output, count in
                    stream.next_out = output.baseAddress
                    stream.avail_out = uInt(clamping: room)
                    code = CZlib.inflate(&stream, Z_NO_FLUSH)
                    count = Int(uInt(clamping: room) - stream.avail_out)
                }
                result += part
                guard result.count <= limit else {
                    throw MessagingError(
                        .bodyTooLarge,
                        "\(input.count) compressed bytes become more than the \(limit) that are allowed"
                    )
                }
                guard code == Z_OK || code == Z_STREAM_END, code == Z_STREAM_END || !part.isEmpty else {
                    throw MessagingError(
                        .decodingFailed,
                        "\(input.count) bytes are no whole zlib stream: error \(code)"
                    )
                }
            }
            guard stream.avail_in == 0 else {
                throw MessagingError(.decodingFailed, "something follows a zlib stream of \(stream.total_in) bytes")
            }
            return result
        }
    }
}
