#if os(Linux)
import Foundation
import MartletTransport
import Testing

/// What the system has of this process. Other tests use threads and descriptors meanwhile: so only those that bear a
/// test's mark are counted.
@Suite(.timeLimit(.minutes(10))) struct LeakTests {
    private func threads(named name: String) -> Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.count {
            (try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)) == name + "\n"
        }
    }

    private func openPipes() -> Set<String> {
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return Set(
            descriptors.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") }
        )
    }

    @Test func theThreadBearsTheLoopsName() async throws {
        await withLoop("a name that is too long") { loop in
            await loop.run {}
            #expect(threads(named: "a name that is ") == 1)
        }
        await until { threads(named: "a name that is ") == 0 }
    }

    /// A thousand loops, each opened, used and closed, leave neither a thread nor a descriptor.
    @Test(arguments: [true, false])
    func aThousandLoopsLeaveNothing(closing: Bool) async throws {
        let name = closing ? "leaks-closed" : "leaks-dropped"
        let pipes = try await withThrowingTaskGroup(of: Set<String>.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    var pipes: Set<String> = []
                    for _ in 0..<100 {
                        let loop = EventLoop(name: name)
                        try loop.open()
                        await pipes.insert("pipe:[\(loop.pipeNumber())]")
                        if closing { await loop.close() } else { loop.closeSoon() }
                    }
                    return pipes
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.formUnion($1) }
        }
        // The test would see them if there were any.
        await withLoop(name) { loop in
            let number = await loop.pipeNumber()
            #expect(openPipes().contains("pipe:[\(number)]"))
            #expect(threads(named: name) >= 1)
        }
        if closing {
            // Their descriptors were closed when `close()` returned; only the system takes a moment longer to forget
            // a thread that has ended.
            #expect(openPipes().isDisjoint(with: pipes))
        }
        await until { threads(named: name) == 0 && openPipes().isDisjoint(with: pipes) }
    }
}
#endif
