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

/// The sessions of the article on the command are what really happens.
///
/// With `MARTLET_RECORD=1` in the environment they are recorded anew instead, for which `MARTLET_TOOL` may name a release
/// build of the command.
@Suite("The article on the command", .timeLimit(.minutes(10)))
struct ArticleTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Sources/Martlet/Martlet.docc/CommandLine.md")

    @Test("shows what its commands print")
    func isTrue() async throws {
        let isRecording = ProcessInfo.processInfo.environment["MARTLET_RECORD"] != nil
        let article = Article(try String(contentsOf: Self.file, encoding: .utf8))
        let found = try await run(article)
        if isRecording {
            try found.text.write(to: Self.file, atomically: true, encoding: .utf8)
            return
        }
        var steps = 0
        for case (.session(let written), .session(let real)) in zip(article.pieces, found.pieces) {
            for (written, real) in zip(written, real) {
                steps += 1
                let expected = ArticleSession.normalized(written.output, of: written.command)
                let output = ArticleSession.normalized(real.output, of: real.command)
                #expect(output == expected, "$ \(written.command)")
            }
        }
        #expect(steps > 20)
        for subcommand in CompletionTests.subcommands {
            #expect(
                article.text.contains("$ martlet \(subcommand) ") || article.text.contains("| martlet \(subcommand) ")
            )
        }
    }

    private func run(_ article: Article) async throws -> Article {
        try await MosquittoServer.withServer { mosquitto in
            try await RedisServer.withServer { redis in
                let rabbit = try await RabbitMQServer.shared()
                let host = try await rabbit.addVirtualHost()
                let folder = try TemporaryFolder("article")
                defer { folder.remove() }
                let session = try ArticleSession(
                    urls: [
                        ("mqtt://localhost", "mqtt://127.0.0.1:\(mosquitto.port)"),
                        ("redis://localhost", "redis://127.0.0.1:\(redis.port)"),
                        ("amqp://localhost", "amqp://127.0.0.1:\(rabbit.port)/\(host)"),
                    ],
                    folder: folder
                )
                return try await run(article, in: session)
            }
        }
    }

    private func run(_ article: Article, in session: ArticleSession) async throws -> Article {
        var article = article
        var endless: [(piece: Int, step: Int, run: TerminalRun)] = []
        for (index, piece) in article.pieces.enumerated() {
            guard case .session(var steps) = piece else { continue }
            for step in steps.indices {
                let command = steps[step].command
                let run = try session.start(command)
                if ArticleSession.isEndless(command) {
                    try await run.waitForScreen("Ctrl-C ends")
                    endless.append((index, step, run))
                } else {
                    try await run.waitForEnd()
                    steps[step].output = session.output(of: run)
                }
            }
            article.pieces[index] = .session(steps)
        }
        for (index, step, run) in endless {
            // To the command itself: the shell has become it.
            run.send(signal: SIGINT)
            try await run.waitForEnd()
            guard case .session(var steps) = article.pieces[index] else { continue }
            steps[step].output = session.output(of: run)
            article.pieces[index] = .session(steps)
        }
        return article
    }
}
