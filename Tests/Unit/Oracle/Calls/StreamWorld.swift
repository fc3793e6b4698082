import MartletTesting

@testable import Martlet

/// The frames of a stream on a link that holds them back, repeats them and swaps them, from a writer that keeps to its credit.
struct StreamWorld: World {
    let trace: Trace
    private var random: SplitMix64
    private var assembly: StreamAssembly
    private let window: Int
    /// How many frames there are, the opening and the end among them.
    private let count: Int
    /// Frames on their way.
    private var frames: [Int] = []
    /// Credits on their way to the writer.
    private var credits: [Int] = []
    private var allowed: Int
    private var sent = 0
    private var read: [Int] = []

    init(seed: UInt64, isTraced: Bool) {
        trace = Trace(isOn: isTraced)
        random = SplitMix64(seed: seed)
        window = 1 + random.below(6)
        count = 2 + random.below(40)
        allowed = window
        assembly = StreamAssembly(window: window)
    }

    mutating func run() throws {
        for _ in 0..<10_000 {
            guard read.count < count else { return try end() }
            switch random.below(3) {
            case 0: write()
            case 1: try deliver()
            default: if !credits.isEmpty { allowed = max(allowed, credits.remove(at: random.below(credits.count))) }
            }
        }
        throw Violation("only \(read.count) of \(count) frames arrive")
    }

    /// The opening and the end take no credit.
    private mutating func write() {
        guard sent < count, sent == 0 || sent == count - 1 || sent - 1 < allowed else { return }
        note("frame \(sent) is sent, \(allowed) are allowed")
        frames.append(sent)
        if random.chance(20) { frames.append(sent) }
        sent += 1
    }

    private mutating func deliver() throws {
        guard !frames.isEmpty else { return }
        let sequence = frames.remove(at: random.below(frames.count))
        note("frame \(sequence) arrives")
        switch assembly.receive(Message([UInt8(sequence)]), at: sequence) {
        case .overrun: throw Violation("frame \(sequence) was allowed, and is too far ahead")
        case .duplicate: break
        case .frames(let ready):
            for frame in ready {
                guard Int(frame.body[0]) == read.count else { throw Violation("\(frame.body[0]) comes after \(read)") }
                read.append(Int(frame.body[0]))
            }
            credits.append(max(0, read.count - 1) + window)
        }
    }

    /// What comes again later is known.
    private mutating func end() throws {
        for sequence in frames {
            guard case .duplicate = assembly.receive(Message([UInt8(sequence)]), at: sequence) else {
                throw Violation("frame \(sequence) is taken twice")
            }
        }
    }
}
