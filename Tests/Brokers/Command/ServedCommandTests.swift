import Foundation
import IntegrationSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite("What martlet serve runs", .timeLimit(.minutes(10)))
struct ServedCommandTests {
    @Test("a command gets no password of the broker")
    func keepsSecrets() async throws {
        let server = try await MosquittoServer.sharedSecured()
        let url = "mqtt://alice:sesame@127.0.0.1:\(server.port)"
        let name = unique("ops.env")
        let environment = [
            "MARTLET_URL": url, "MARTLET_OTHER": "redis://:s3cr3t@h", "BROKER_PASSWORD": "sesame",
            "COPY": "x=\(url)&y", "PLAIN": "kept", "PATH": "/usr/bin:/bin",
        ]
        let serving = try await Tool.start(
            "serve",
            name,
            "--raw",
            "--exec",
            "env",
            until: "answering",
            environment: environment
        )
        let call = try await Tool.run("call", url, name, "--raw")
        #expect(call.exit == .exited(0))
        #expect(call.output.contains("PLAIN=kept"))
        #expect(!call.output.contains("sesame") && !call.output.contains("s3cr3t"))
        withExtendedLifetime(serving) {}
        // Without a password in it a child may go on with it.
        let open = try await TestBroker.mqtt.url
        let other = try await Tool.start(
            "serve",
            name,
            "--raw",
            "--exec",
            "env",
            until: "answering",
            environment: ["MARTLET_URL": open, "PATH": "/usr/bin:/bin"]
        )
        let kept = try await Tool.run("call", open, name, "--raw")
        #expect(kept.output.contains("MARTLET_URL=\(open)"))
        withExtendedLifetime(other) {}
    }

    #if os(Linux)
    @Test("a server that is killed takes its command along, with all that it has started")
    func endsWithItsServer() async throws {
        let url = try await TestBroker.mqtt.url
        let name = unique("ops.orphan")
        let folder = try TemporaryFolder("orphan")
        defer { folder.remove() }
        let script = "sh -c 'echo $$ > \(folder.path("inner")); sleep 1000' & echo $$ > \(folder.path("outer")); wait"
        let serving = try await Tool.start("serve", url, name, "--exec", script, until: "answering")
        let call = try Tool.start(["call", url, name, "--timeout", "100s"])
        var processes: [pid_t] = []
        for file in ["inner", "outer"] {
            var number: pid_t?
            while number == nil {
                let text = try? String(contentsOfFile: folder.path(file), encoding: .utf8)
                number = text.flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
                if number == nil { try await Task.sleep(for: .milliseconds(5)) }
            }
            processes.append(try #require(number))
        }
        serving.send(signal: SIGKILL)
        _ = try await serving.waitForEnd()
        for process in processes {
            while Self.isAlive(process) { try await Task.sleep(for: .milliseconds(5)) }
        }
        call.send(signal: SIGKILL)
    }

    private static func isAlive(_ process: pid_t) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        // One that has ended and that nobody has asked about yet.
        return !status.contains(") Z ")
    }
    #endif

    @Test("a command that has ended leaves what it has put in the background alone")
    func leavesTheBackgroundAlone() async throws {
        let url = try await TestBroker.redis.url
        let name = unique("ops.background")
        let folder = try TemporaryFolder("background")
        defer { folder.remove() }
        let script = "(sleep 1; echo done > \(folder.path("done"))) >/dev/null 2>&1 </dev/null & echo 1"
        let serving = try await Tool.start("serve", url, name, "--exec", script, until: "answering")
        let call = try await Tool.run("call", url, name)
        #expect(call.output == "1\n")
        while !FileManager.default.fileExists(atPath: folder.path("done")) {
            try await Task.sleep(for: .milliseconds(5))
        }
        withExtendedLifetime(serving) {}
    }

    @Test("what a command says on standard error is passed on as it comes, up to a bound")
    func boundsStandardError() async throws {
        let url = try await TestBroker.redis.url
        let name = unique("ops.noisy")
        let script = "echo first >&2; head -c 10000000 /dev/zero | tr '\\0' x >&2; echo 1"
        let serving = try await Tool.start("serve", url, name, "--exec", script, until: "answering")
        for _ in 0..<2 {
            let call = try await Tool.run("call", url, name)
            #expect(call.output == "1\n")
        }
        #expect(serving.errors.contains("first"))
        #expect(serving.errors.contains("says more than is passed on"))
        #expect(serving.errors.utf8.count < 2 * (64 << 10) + 10_000)
    }
}
