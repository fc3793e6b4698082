import IntegrationSupport
import Testing

/// The playground's programs with a database, on each kind of them. What they print is tested where the others are.
@Suite(.timeLimit(.minutes(10)))
struct PlaygroundDatabaseTests {
    @Test(arguments: ["sql", "shop"]) func aProgramRunsOnAServerAndOnAFile(_ name: String) async throws {
        let folder = try TemporaryFolder("playground")
        defer { folder.remove() }
        var outputs: [String] = []
        for address in ["memory:", "sqlite:\(folder.path("playground.db"))", try await newPostgreSQLDatabase()] {
            // What the first run has left is there in the second one.
            for _ in 0..<2 {
                let program = try ProgramRun(ofPackage: "playground", [name, "--database", address])
                #expect(try await program.waitForEnd() == .exited(0), "\(program.errors)")
                outputs.append(program.output)
            }
        }
        #expect(outputs.allSatisfy { !$0.isEmpty && $0 == outputs[0] }, "\(outputs)")
    }
}
