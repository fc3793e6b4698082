import Martlet
import MartletTesting
import Testing

/// Whatever bytes arrive, decoding them returns or throws.
@Suite(.timeLimit(.minutes(10))) struct CodecHostilityTests {
    private func mutate(_ bytes: inout [UInt8], alphabet: [UInt8], _ random: inout SplitMix64) {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let byte =
                Bool.random(using: &random)
                ? alphabet.randomElement(using: &random) ?? 0 : UInt8.random(in: .min ... .max, using: &random)
            let index = Int.random(in: 0..<max(1, bytes.count), using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes.insert(byte, at: min(index, bytes.count))
            case 1 where !bytes.isEmpty: bytes.remove(at: index)
            case 2 where bytes.count > 8: bytes.removeLast(Int.random(in: 1...8, using: &random))
            case 3:
                let end = Int.random(in: index...max(index, bytes.count), using: &random)
                if end <= bytes.count { bytes.insert(contentsOf: bytes[index..<end].prefix(64), at: index) }
            default: if !bytes.isEmpty { bytes[index] = byte }
            }
        }
    }

    private func attack(_ codec: any Codec, alphabet: [UInt8], seed: UInt64, rounds: Int) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<rounds / 100 {
            let value = Zoo.All.random(&random)
            let parts = try [codec.encode(value), codec.encode(value.numbers), codec.encode(value.foundation)]
            for round in 0..<100 {
                var bytes = parts[min(round % 10, 2)]
                mutate(&bytes, alphabet: alphabet, &random)
                switch round % 10 {
                case 0: _ = try? codec.decode(Zoo.All.self, from: bytes)
                case 1: _ = try? codec.decode(Zoo.Numbers.self, from: bytes)
                default: _ = try? codec.decode(Zoo.FoundationTypes.self, from: bytes)
                }
                if round % 5 == 0, let any = try? codec.decode(AnyValue.self, from: bytes) {
                    // What was read can be written, unless it holds a number that JSON has none for.
                    _ = try? codec.encode(any)
                }
            }
        }
    }

    @Test(arguments: 0..<2 as Range<UInt64>)
    func json(seed: UInt64) throws {
        let alphabet =
            Array(#" {}[]:,"\0123456789.eE+-truefalsnNIy/"#.utf8) + [0x0A, 0x1F, 0x7F, 0x80, 0xC3, 0xED, 0xFF]
        try attack(JSONCodec(), alphabet: alphabet, seed: seed, rounds: 20_000)
    }

    @Test(arguments: 0..<2 as Range<UInt64>)
    func messagePack(seed: UInt64) throws {
        try attack(MessagePackCodec(), alphabet: Array(0x80...0xFF), seed: seed, rounds: 20_000)
    }

    @Test(arguments: 0..<2 as Range<UInt64>)
    func bytesOfNoKind(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<30_000 {
            let bytes = (0..<Int.random(in: 0...24, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            _ = try? JSONCodec().decode(AnyValue.self, from: bytes)
            if let value = try? MessagePackCodec().decode(AnyValue.self, from: bytes) {
                let copy = try MessagePackCodec().encode(value)
                let again = try MessagePackCodec().decode(AnyValue.self, from: copy)
                #expect(try MessagePackCodec().encode(again) == copy)
            }
        }
    }
}
