import Foundation
import IntegrationSupport
import MartletService
import Testing

@Suite("A state file of a process that dies", .serialized)
struct StateFileProcessTests {
    /// What `Counting` of the program under test writes.
    struct Counting: Codable, Sendable {
        var count = 0
        var copies: [Int] = []
    }

    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder("state")
        path = folder.path("counting.json")
    }

    /// The count, and that it is one whole version.
    private func wholeCount() async throws -> Int {
        let state = try await StateFile.open(at: path, default: Counting())
        let value = state.value
        #expect(value.copies.allSatisfy { $0 == value.count })
        #expect(value.count == 0 || value.copies.count == 2_000)
        return value.count
    }

    /// `MARTLET_KILLS` says how often; by default 60 times.
    @Test func `holds the last version, or the one after it, whenever it is killed`() async throws {
        var random = SystemRandomNumberGenerator()
        var last = 0
        let kills = ProcessInfo.processInfo.environment["MARTLET_KILLS"].flatMap { Int($0) } ?? 60
        for _ in 0..<kills {
            let program = try ProgramUnderTest.start("count", path)
            try await program.waitForOutput("counted")
            try await Task.sleep(for: .microseconds(Int.random(in: 0..<20_000, using: &random)))
            program.send(signal: SIGKILL)
            try await program.waitForEnd()
            let said = program.lines.last.flatMap { Int($0.dropFirst("counted ".count)) } ?? 0
            let found = try await wholeCount()
            #expect(found == said || found == said + 1)
            #expect(found > last)
            last = found
        }
    }

    @Test func `is old or new before each system call`() async throws {
        // Four calls for the first version, eight for each later one.
        var before = 0
        for (calls, isFirst) in [(4, true), (8, false)] {
            for call in 0...calls {
                if isFirst { try? FileManager.default.removeItem(atPath: path) }
                let start = isFirst ? 0 : before
                let program = try ProgramUnderTest.start("die", path, "\(call)")
                let end = try await program.waitForEnd()
                #expect(end == (call < calls ? .killed(signal: SIGKILL) : .exited(0)))
                let found = try await wholeCount()
                #expect(found == (call < calls ? start : start + 1))
                before = found
            }
        }
    }

    @Test func `is what it was on a full disk`() async throws {
        let program = try ProgramUnderTest.start("full", path)
        #expect(try await program.waitForEnd() == .exited(0))
        #expect(program.lines.count == 3)
        #expect(program.lines.first?.hasPrefix("error: notWritten the state file \(path)") == true)
        #expect(program.lines.first?.hasSuffix("write: File too large") == true)
        #expect(program.lines.dropFirst().first == "remembered: 1 2000")
        #expect(program.lines.last == "counted 2")
        #expect(try await wholeCount() == 2)
    }

    @Test func `is not opened by a second process`() async throws {
        let first = try ProgramUnderTest.start("count", path)
        try await first.waitForOutput("counted")
        await #expect { _ = try await StateFile.open(at: path, default: Counting()) } throws: { error in
            (error as? StateFileError)?.code == .inUse
        }
    }
}
