import Testing

@testable import IntegrationSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(10)))
struct ChildProcessTests {
    @Test func itsEndIsKnown() throws {
        let child = try ChildProcess(Spawn(program: "/bin/sh", arguments: ["-c", "exit 3"]))
        #expect(child.waitForEnd() == .exited(3))
        #expect(child.end == .exited(3))
        let other = try ChildProcess(Spawn(program: "/bin/sh", arguments: ["-c", "kill -TERM $$"]))
        #expect(other.waitForEnd() == .killed(signal: SIGTERM))
    }

    @Test func aKillTakesItsChildrenAlong() async throws {
        let folder = try TemporaryFolder("family")
        defer { folder.remove() }
        let script = "sleep 1000 & echo $!; wait"
        let child = try ChildProcess(
            Spawn(
                program: "/bin/sh",
                arguments: ["-c", script],
                environment: Program.environment,
                output: folder.path("out")
            )
        )
        var grandchild: Int32?
        try await until {
            grandchild = Int32(Program.text(of: folder.path("out")).dropLast())
            return grandchild != nil
        }
        let process = try #require(grandchild)
        #expect(try SystemProcess.state(process) != nil)
        child.kill()
        #expect(child.end == .killed(signal: SIGKILL))
        try await until { try SystemProcess.state(process) == nil }
    }

    @Test func itStopsAndGoesOn() throws {
        let child = try ChildProcess(Spawn(program: "/bin/sleep", arguments: ["1000"]))
        child.pause()
        child.pause()
        #expect(try SystemProcess.state(child.processID) == "T")
        child.resume()
        #expect(try SystemProcess.state(child.processID) != "T")
        child.kill()
        child.pause()
        child.resume()
        child.kill()
        #expect(child.end == .killed(signal: SIGKILL))
    }

    @Test func itInheritsNoDescriptor() throws {
        // Without the flag that would close it.
        let descriptor = dup(0)
        defer { close(descriptor) }
        let output = try Program.runBriefly("/bin/ls", ["/proc/self/fd"])
        // The last one is what ls reads the folder with.
        #expect(output.split(separator: "\n") == ["0", "1", "2", "3"])
    }

    @Test func aMissingProgramIsAnError() async throws {
        let error = await failure { _ = try ChildProcess(Spawn(program: "/no/such/program")) }
        #expect(error == "/no/such/program can't be started: No such file or directory")
        let other = await failure { _ = try Program.find("no-such-program", package: "some-package") }
        #expect(other?.contains("some-package") == true)
    }

    @Test func aCancelledRunKillsItsProgram() async throws {
        let folder = try TemporaryFolder("cancelled")
        defer { folder.remove() }
        let file = folder.path("started")
        let result = await withThrowingTaskGroup(of: String.self) { group in
            group.addTask { try await Program.run("/bin/sh", ["-c", "echo $$ > \(file); exec sleep 1000"]) }
            try? await until { Program.text(of: file).hasSuffix("\n") }
            group.cancelAll()
            return await group.nextResult()
        }
        #expect(throws: CancellationError.self) { try result?.get() }
        let process = try #require(Int32(Program.text(of: file).dropLast()))
        #expect(try SystemProcess.state(process) == nil)
    }

    @Test func whatTakesTooLongIsAnErrorWithItsOutput() async throws {
        let error = await failure {
            try await Program.run("/bin/sh", ["-c", "echo before; exec sleep 1000"], limit: .seconds(1))
        }
        #expect(error?.contains("took longer than 1.0 seconds") == true)
        #expect(error?.contains("before") == true)
    }
}
