import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletJWT
@testable import MartletServer

/// Tokens by OAUTHBEARER (RFC 7628) as they are said.
@Suite(.timeLimit(.minutes(5))) struct BearerTests {
    private static let token = TestTokens.signed(#"{"sub":"a,b=c","exp":1800000100}"#)

    private static func answer(_ message: [UInt8]) async throws -> AuthenticationStep {
        let keys = try TokenKeys(secret: TestTokens.secret)
        let authenticator = TokenAuthenticator(keys, at: TestTime(1.8e9))
        var exchange = try #require(authenticator.exchange(by: "OAUTHBEARER", .showing(nil)))
        return try await exchange.answer(message)
    }

    @Test(arguments: [
        "n,,\u{1}auth=Bearer \(token)\u{1}\u{1}", "n,a=a=2Cb=3Dc,\u{1}auth=Bearer \(token)\u{1}\u{1}",
        "y,,\u{1}host=house.example\u{1}port=8883\u{1}auth=bearer \(token)\u{1}\u{1}",
        "n,,\u{1}AUTH=BEARER \(token)\u{1}more=x\u{1}\u{1}",
    ])
    func aTokenIsUnderstood(_ message: String) async throws {
        #expect(try await Self.answer(Array(message.utf8)) == .accepted(user: "a,b=c", for: .seconds(160)))
    }

    @Test(arguments: [
        "", "n,,", "\u{1}\u{1}\u{1}", token, "n,,\u{1}auth=Bearer \(token)", "n,,\u{1}auth=Bearer \(token)\u{1}",
        "auth=Bearer \(token)\u{1}\u{1}", "n,\u{1}auth=Bearer \(token)\u{1}\u{1}",
        "p=tls-exporter,,\u{1}auth=Bearer \(token)\u{1}\u{1}", "n,b=x,\u{1}auth=Bearer \(token)\u{1}\u{1}",
        "n,,n=x\u{1}auth=Bearer \(token)\u{1}\u{1}", "n,a=alice,\u{1}auth=Bearer \(token)\u{1}\u{1}",
        "n,a=,\u{1}auth=Bearer \(token)\u{1}\u{1}", "n,,\u{1}auth=Basic \(token)\u{1}\u{1}",
        "n,,\u{1}auth=Bearer x\u{1}\u{1}", "n,,\u{1}auth=Bearer \u{1}\u{1}", "n,,\u{1}host=x\u{1}\u{1}",
        "n,,\u{1}auth=Bearer \(token)\u{1}auth=Bearer \(token)\u{1}\u{1}", "n,,\0\u{1}auth=Bearer \(token)\u{1}\u{1}",
        "n,,\u{1}x=\(String(repeating: "x", count: 10_000))\u{1}auth=Bearer \(token)\u{1}\u{1}",
        "n,,\u{1}auth=Bearer \(token.dropLast(3))AAA\u{1}\u{1}",
    ])
    func whatIsNoneIsRefused(_ message: String) async throws {
        await #expect(throws: MessagingError.self) { try await Self.answer(Array(message.utf8)) }
    }

    @Test func whatIsChangedLetsNobodyElseIn() async throws {
        var source = SplitMix64(seed: 7_628)
        let message = Array("n,a=a=2Cb=3Dc,\u{1}auth=Bearer \(Self.token)\u{1}\u{1}".utf8)
        for _ in 0..<2_000 {
            var bytes = message
            for _ in 0...Int.random(in: 0..<3, using: &source) {
                bytes[Int.random(in: 0..<bytes.count, using: &source)] = .random(in: .min ... .max, using: &source)
            }
            if case .accepted(let user, let time, _) = try? await Self.answer(bytes) {
                #expect(user == "a,b=c" && time == .seconds(160))
            }
        }
    }
}
