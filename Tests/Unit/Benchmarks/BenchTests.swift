import Foundation
import IntegrationSupport
import Testing

@testable import benchmarks

/// The programs are scripts here.
@Suite(.timeLimit(.minutes(10)))
struct BenchTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder("bench") }

    private func write(_ script: String, to name: String) throws {
        let path = try folder.write("#!/bin/sh\n\(script)\n", to: name)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
    }

    private func bench(limit: Duration = .seconds(60)) -> Bench { Bench(folder: folder.path, limit: limit) }

    @Test func theSourceStartsWhenTheReaderIsReady() async throws {
        try write(
            """
            echo READY
            until [ -e "\(folder.path)/sent" ]; do sleep 0.01; done
            echo '{"rate":'"$BROKER_PORT"'}'
            """,
            to: "martlet-peer"
        )
        try write("touch \"\(folder.path)/sent\"", to: "c-mqtt")
        let contender = Contender(measured: .martlet("mqtt", "subscribe"), staging: .fed(by: .c("mqtt", "flood")))
        #expect(try await bench().figures(of: contender, count: 3, port: 17).rate == 17)
    }

    @Test func whatFailsSaysWhatItWrote() async throws {
        try write("echo half; echo 'no broker' >&2; exit 3", to: "c-redis")
        let contender = Contender(measured: .c("redis", "publish"))
        let error = await #expect(throws: ServerError.self) {
            try await bench().figures(of: contender, count: 1, port: 1)
        }
        #expect(error?.description.contains("no broker") == true)
        #expect(error?.description.contains("code 3") == true)
    }

    @Test func whatHangsIsEnded() async throws {
        try write("exec sleep 1000", to: "c-redis")
        let contender = Contender(measured: .c("redis", "publish"))
        await #expect(throws: ServerError.self) {
            try await bench(limit: .milliseconds(200)).figures(of: contender, count: 1, port: 1)
        }
    }

    @Test func aFailureLeavesTheOthersToBeMeasured() async throws {
        try write(
            "[ \"$2\" = stream ] && exit 1; echo '{\"rate\":5,\"seconds\":1,\"cpuSeconds\":1}'",
            to: "martlet-peer"
        )
        let good = Contender(measured: .martlet("memory", "hand-over"))
        let bad = Contender(measured: .martlet("memory", "stream"))
        let workloads = [bad, good].enumerated().map { number, contender in
            Workload(name: "\(number)", broker: .none, goal: .below(1), martlet: contender, rival: good)
        }
        let comparison = Comparison(
            workloads: workloads,
            pairs: 2,
            time: .seconds(1),
            bench: bench(),
            progress: Progress(isQuiet: true)
        )
        let outcomes = await comparison.run()
        #expect(outcomes.map { $0.failure == nil } == [false, true])
        #expect(outcomes.last?.martlet.runs.count == 2)
        #expect(outcomes.last?.ratio == 1)
    }
}
