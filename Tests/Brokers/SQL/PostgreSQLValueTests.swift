import MartletSQL
import Testing

@testable import MartletPostgreSQL

@Suite(.timeLimit(.minutes(10)))
struct PostgreSQLValueTests {
    /// PostgreSQL ends the session of whoever sends it more than 1 GiB, and libpq counts to 2 GiB.
    @Test func valuesAreTakenUpToAGibibyte() throws {
        let maximum = PostgreSQLParameters.maximumSize
        #expect(maximum < 1 << 30)
        #expect(try PostgreSQLParameters.length(maximum, behind: 0) == CInt(maximum))
        #expect(try PostgreSQLParameters.length(maximum - 5, behind: 5) == CInt(maximum - 5))
        for (count, others) in [(maximum + 1, 0), (1 << 31, 0), (.max, 0), (maximum, 1), (1, 1 << 40)] {
            #expect { try PostgreSQLParameters.length(count, behind: others) } throws: { error in
                (error as? SQLError)?.code == .encodingFailed
            }
        }
    }

    /// The server has ended the session, for one reason or another.
    @Test(arguments: ["57P01", "57P05", "25P03", "25P04"]) func endedSessionsAreLostLinks(_ state: String) async throws
    {
        try await withDatabase(.postgreSQL) { (database) async throws in
            let end = "DO $$ BEGIN RAISE 'it is over' USING ERRCODE = '\(state)'; END $$"
            #expect(await sqlCode { try await database.execute(SQL(verbatim: end)) } == .connectionLost)
        }
    }
}
