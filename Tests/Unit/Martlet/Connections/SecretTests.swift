import Martlet
import Testing

@testable import struct Martlet.BrokerURL
@testable import struct Martlet.Secret

/// What is secret is shown nowhere, whatever holds it.
@Suite struct SecretTests {
    private struct Holder {
        var secret: Secret? = Secret("s3sam3")
        var list = [Secret("s3sam3")]
        var table = ["key": Secret("s3sam3")]
    }

    @Test func aSecretIsShownNowhere() {
        let holder = Holder()
        var dumped = ""
        dump(holder, to: &dumped)
        for text in [
            "\(holder)", String(reflecting: holder), dumped, "\(Mirror(reflecting: holder).children.map(\.value))",
        ] {
            #expect(!text.contains("s3sam3"))
            #expect(text.contains("***"))
        }
        #expect(holder.secret?.value == "s3sam3")
    }

    @Test func aURLShowsStarsForItsPassword() throws {
        let url = try BrokerURL("mqtts://me:s3sam3@host?keypassword=s3sam3")
        #expect(url.description == "mqtts://me:***@host?keypassword=***")
        var dumped = ""
        dump([url], to: &dumped)
        #expect(!dumped.contains("s3sam3"))
    }
}
