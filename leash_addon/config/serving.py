"""The settings of a proxy that serves others: who calls, what may be reached, the port itself."""

from leash_addon.config import reachable, sources, values
from leash_addon.config.key import Key

SERVING_KEYS = (
    Key(
        name="passthrough",
        read=reachable.passthrough,
        example="deny",
        about="hosts beside the providers: deny, tunnel, or a list; serve denies, run tunnels",
    ),
    Key(
        name="connect_ports",
        read=reachable.ports,
        example="443",
        about="ports that a shared proxy opens tunnels to",
    ),
    Key(
        name="allow_private",
        read=reachable.private_hosts,
        example="10.1.0.0/16,git.corp.example",
        about="networks and hosts that a shared proxy may reach although they are private",
    ),
    Key(
        name="trusted_balancers",
        read=reachable.networks,
        example="10.0.0.0/8",
        about="whose X-Forwarded-For and PROXY protocol are believed",
    ),
    Key(
        name="transparent_clients",
        read=reachable.networks,
        example="10.9.0.0/24",
        about="whose redirected connections (--transparent) need no token: networks",
        listener=True,
    ),
    Key(
        name="run_from",
        read=sources.run_sources,
        example="proxy-user,header:x-loop-id,path,agent-session,default",
        about="where a call's run is named; the first that is there",
    ),
    Key(
        name="user_from",
        read=sources.sources,
        example="proxy-user,header:x-leash-user",
        about="where its user is named (also agent-user, key, ip, token)",
    ),
    Key(
        name="feature_from",
        read=sources.sources,
        example="proxy-user,header:x-leash-feature",
        about="where its feature is named",
    ),
    Key(
        name="tenant_from",
        read=sources.sources,
        example="proxy-user,header:x-leash-tenant",
        about="where its tenant is named; each has runs of its own",
    ),
    Key(
        name="require_run_id",
        read=values.flag,
        example="false",
        about="refuse calls that name no run",
    ),
    Key(
        name="max_runs",
        read=values.positive,
        example="10000",
        about="keep so many runs in memory; the one unused the longest goes first",
    ),
    Key(
        name="max_body",
        read=values.size,
        example="100m",
        about="answer 413 to a call with a larger body",
    ),
    Key(
        name="head_timeout",
        read=values.span,
        example="30s",
        about="give up a client whose head, greeting or TLS handshake is not whole by then",
        listener=True,
    ),
    Key(
        name="body_timeout",
        read=values.span,
        example="60s",
        about="give up a client of whose body nothing more has come for so long",
        listener=True,
    ),
    Key(
        name="idle_timeout",
        read=values.span,
        example="5m",
        about="end a connection on which no further request comes",
        listener=True,
    ),
    Key(
        name="max_connections",
        read=values.positive,
        example="20000",
        about="clients at once; by default 20000, or what the limit of open files allows",
        listener=True,
    ),
    Key(
        name="max_connections_per_ip",
        read=values.positive,
        example="5000",
        about="of these from one address; by default a quarter",
        listener=True,
    ),
    Key(
        name="tls_cert",
        read=values.text,
        example="gateway.pem",
        about="speak TLS to clients with this certificate chain (PEM)",
        listener=True,
    ),
    Key(
        name="tls_key",
        read=values.text,
        example="gateway.key",
        about="the key of tls_cert (PEM)",
        listener=True,
    ),
)
