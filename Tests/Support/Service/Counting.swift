import Martlet
import MartletService
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A state whose parts have to fit each other.
struct Counting: Codable, Sendable {
    var count = 0
    /// The count again and again, so that a version takes several pages.
    var copies = [Int](repeating: 0, count: 2_000)

    mutating func increase() {
        count += 1
        copies = copies.map { _ in count }
    }

    /// Counts until it is killed, and says each number that the file holds.
    static func count(in path: String) async throws {
        let state = try await StateFile.open(at: path, default: Counting())
        while true {
            try await state.update { $0.increase() }
            say("counted \(state.value.count)")
        }
    }

    /// Counts once, and dies like by SIGKILL before a system call of that.
    static func die(atCall number: Int, in path: String) async throws {
        let calls = Atomic(0)
        let state = try await StateFile.open(at: path, default: Counting()) { _ in
            if calls.add(1, ordering: .relaxed).oldValue == number { kill(getpid(), SIGKILL) }
        }
        try await state.update { $0.increase() }
        say("counted \(state.value.count)")
    }

    /// Writes more than the file may have.
    static func fill(_ path: String) async throws {
        let state = try await StateFile.open(at: path, default: Counting())
        try await state.update { $0.increase() }
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 64 << 10, rlim_max: 64 << 10)
        #if canImport(Darwin)
        setrlimit(RLIMIT_FSIZE, &limit)
        #else
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        #endif
        do {
            try await state.update { $0.copies = Array(repeating: 123_456, count: 200_000) }
        } catch let error as StateFileError {
            say("error: \(error.code) \(error)")
        }
        say("remembered: \(state.value.count) \(state.value.copies.count)")
        try await state.update { $0.increase() }
        say("counted \(state.value.count)")
    }
}

/// Writes a line at once, whatever becomes of the process next.
private func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}
