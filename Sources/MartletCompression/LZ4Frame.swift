import Martlet

/// Frames of LZ4 (its Frame Format 1.6, and Block Format), as python-lz4 writes them: read, never written.
///
/// Their checksums are not looked at: a broker's link has its own, and what is damaged all the same is no JSON any more.
enum LZ4Frame {
    static func isFrame(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x04, 0x22, 0x4d, 0x18]) }

    static func decode(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
        var decoder = Decoder(bytes: bytes, limit: limit)
        return try decoder.frame()
    }

    private struct Decoder {
        let bytes: [UInt8]
        let limit: Int
        private var place = 4
        private var result: [UInt8] = []

        init(bytes: [UInt8], limit: Int) {
            self.bytes = bytes
            self.limit = limit
        }

        mutating func frame() throws -> [UInt8] {
            let flags = try byte()
            // The size of blocks, which may be any here.
            _ = try byte()
            guard flags >> 6 == 1 else { throw broken("an unknown version") }
            guard flags & 0x01 == 0 else { throw broken("a dictionary, which is not known here") }
            let hasBlockChecksums = flags & 0x10 != 0
            try skip(flags & 0x08 == 0 ? 0 : 8)
            // The checksum of the header.
            try skip(1)
            while true {
                let word = try integer(of: 4)
                if word == 0 { break }
                let size = word & 0x7fff_ffff
                guard size <= bytes.count - place else { throw broken("less than its block's size") }
                let end = place + size
                if word & 0x8000_0000 != 0 {
                    try append(bytes[place..<end])
                    place = end
                } else {
                    try block(until: end)
                }
                if hasBlockChecksums { try skip(4) }
            }
            if flags & 0x04 != 0 { try skip(4) }
            guard place == bytes.count else { throw broken("something after its end") }
            return result
        }

        /// Sequences: so many bytes as they are, and then so many from so far back.
        private mutating func block(until end: Int) throws {
            while place < end {
                let token = try byte()
                let literals = try length(token >> 4)
                guard literals <= end - place else { throw broken("less than its literals") }
                try append(bytes[place..<place + literals])
                place += literals
                // The last sequence has literals alone.
                if place == end { return }
                let distance = try integer(of: 2)
                let count = try length(token & 0x0f) + 4
                guard (1...max(1, result.count)).contains(distance), !result.isEmpty else {
                    throw broken("a match from before its beginning")
                }
                try checkRoom(for: count)
                // The match may reach into what it makes.
                for _ in 0..<count { result.append(result[result.count - distance]) }
                guard place <= end else { throw broken("a sequence beyond its block") }
            }
        }

        private mutating func length(_ nibble: UInt8) throws -> Int {
            var length = Int(nibble)
            guard nibble == 15 else { return length }
            while true {
                let more = try byte()
                length += Int(more)
                if more != 255 { return length }
            }
        }

        private mutating func append(_ more: ArraySlice<UInt8>) throws {
            try checkRoom(for: more.count)
            result += more
        }

        private func checkRoom(for count: Int) throws {
            guard count <= limit - result.count else {
                throw MessagingError(
                    .bodyTooLarge,
                    "\(bytes.count) compressed bytes become more than the \(limit) that are allowed"
                )
            }
        }

        private mutating func byte() throws -> UInt8 {
            guard place < bytes.count else { throw broken("no end") }
            defer { place += 1 }
            return bytes[place]
        }

        /// A number whose least byte comes first.
        private mutating func integer(of count: Int) throws -> Int {
            var result = 0
            for index in 0..<count { result |= Int(try byte()) << (8 * index) }
            return result
        }

        private mutating func skip(_ count: Int) throws {
            guard count <= bytes.count - place else { throw broken("no end") }
            place += count
        }

        private func broken(_ what: String) -> MessagingError {
            MessagingError(.decodingFailed, "an LZ4 frame of \(bytes.count) bytes has \(what)")
        }
    }
}
