/// How a ``RedisServer`` is set up. What is not set here is as Redis has it by default, except that it never writes
/// snapshots.
package struct RedisOptions: Sendable {
    /// Whether every change is on the disk before it is confirmed (the append-only file, synchronized always).
    package var isPersistent = false
    /// The password of the user `default`.
    package var password: String?
    /// More users, as redis.conf has them after the word `user`, such as `alice on >secret ~app:* &* +@all`.
    package var users: [String] = []
    /// Opens a port with TLS beside the plain one.
    package var tls: ServerTLS?
    /// The certificate that the TLS port shows.
    package var certificate: any KeyPath<TestCertificates, TestCertificates.Identity> & Sendable = \.server
    /// Whether the server also listens on a Unix socket: ``RedisServer/unixSocket``.
    package var listensOnUnixSocket = false
    /// Whether the server also listens on ::1, with the same port.
    package var listensOnIPv6 = false
    /// How many bytes of memory the data may take. Beyond that, writes fail.
    package var maximumMemory: Int?
    /// How many bytes may wait for a subscriber before Redis cuts its connection; Redis's default is 32 MiB.
    package var subscriberBufferLimit: Int?
    /// Whether it is a node of a cluster; see ``RedisCluster``.
    package var isClusterNode = false
    /// More lines for redis.conf.
    package var extraLines: [String] = []

    package init() {}
}
