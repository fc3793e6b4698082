/// The unit by which systemd runs a service. A pure value.
///
/// It is made for systemd 247 and later (`systemd-analyze security` gives it an exposure of 1.2 at most, of 10). A service of
/// the machine may read files, talk to the network and write its state, and no more; it runs as a user of its own that there is
/// only while it runs.
struct SystemdUnit: Sendable {
    /// As which user it runs.
    enum Account: Sendable, Hashable {
        /// One of its own, which systemd makes.
        case own
        /// One that there is.
        case named(String)
        /// The one whose own service manager runs it.
        case caller
    }

    let name: String
    /// The program and what it is told.
    let command: [String]
    var account = Account.own

    /// The first line, by which a unit of this program's is known.
    var mark: String { "# Written by a service of Martlet: \(name)" }

    var text: String {
        """
        \(mark)
        [Unit]
        Description=\(Self.escaped(name))
        \(account == .caller ? "" : "Wants=network-online.target\nAfter=network-online.target\n")\
        StartLimitIntervalSec=0

        [Service]
        Type=notify
        ExecStart=\(command.map(Self.quoted).joined(separator: " "))
        ExecReload=/bin/kill -HUP $MAINPID
        Restart=on-failure
        RestartSec=20
        WatchdogSec=60
        StateDirectory=martlet/\(Self.escaped(name))
        StateDirectoryMode=0700
        UMask=0077
        Environment=LIBDISPATCH_LOG=NO
        NoNewPrivileges=yes
        \(protection)

        [Install]
        WantedBy=\(account == .caller ? "default.target" : "multi-user.target")

        """
    }

    /// A user's own manager can't grant what takes more rights than the user has.
    ///
    /// The threads of Swift's concurrency set their priority when they begin, and die if they may not. That one of them is not
    /// given the higher one it asks for would be a line in the journal at each start.
    private var protection: String {
        let anywhere = """
            LockPersonality=yes
            MemoryDenyWriteExecute=yes
            RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
            RestrictNamespaces=yes
            RestrictRealtime=yes
            RestrictSUIDSGID=yes
            SystemCallArchitectures=native
            SystemCallFilter=@system-service
            SystemCallFilter=~@privileged @resources
            SystemCallFilter=setpriority
            SystemCallErrorNumber=EPERM
            """
        let user: String
        switch account {
        case .caller: return anywhere
        case .own: user = "DynamicUser=yes"
        case .named(let name): user = "User=\(Self.escaped(name))"
        }
        return """
            \(user)
            \(anywhere)
            CapabilityBoundingSet=
            DevicePolicy=closed
            IPAccounting=yes
            KeyringMode=private
            PrivateDevices=yes
            PrivateMounts=yes
            PrivateTmp=yes
            PrivateUsers=yes
            ProcSubset=pid
            ProtectClock=yes
            ProtectControlGroups=yes
            ProtectHome=yes
            ProtectHostname=yes
            ProtectKernelLogs=yes
            ProtectKernelModules=yes
            ProtectKernelTunables=yes
            ProtectProc=invisible
            ProtectSystem=strict
            RemoveIPC=yes
            """
    }

    /// What systemd would replace.
    private static func escaped(_ text: String) -> String { text.replacing("%", with: "%%") }

    /// A word of a command line, as systemd.service(5) reads it.
    private static func quoted(_ word: String) -> String {
        let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-:=+@,"
        if !word.isEmpty, word.allSatisfy(plain.contains) { return word }
        var text = escaped(word).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        text = text.replacing("$", with: "$$").replacing("\n", with: "\\n")
        return "\"\(text)\""
    }
}
