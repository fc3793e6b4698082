import Testing

@testable import Martlet

/// Addresses of replies, by their form.
struct ReplyAddressTests {
    @Test func theyAreToldByTheirForm() {
        let address = ReplyAddresses.make()
        #expect(ReplyAddresses.isReserved(address))
        #expect(ReplyAddresses.isReserved(address + "/1"))
        #expect(ReplyAddresses.isReserved(address + "/#"))
        for other in [
            "", "reply", "reply/", "reply/here", String(address.dropLast()), address + "0", "x" + address,
            "reply/" + String(repeating: "é", count: 16), "reply/" + String(repeating: "A", count: 32), "reply/#",
        ] {
            #expect(!ReplyAddresses.isReserved(other), "\(other)")
        }
    }
}
