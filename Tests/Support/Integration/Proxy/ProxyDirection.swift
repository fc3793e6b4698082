/// A direction through a ``TCPProxy``.
package enum ProxyDirection: Sendable, Hashable, CaseIterable {
    case toServer
    case toClient

    var opposite: ProxyDirection { self == .toServer ? .toClient : .toServer }
}
