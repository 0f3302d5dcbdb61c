# A real Apache Kafka on this machine, for checks and benchmarks: one broker in KRaft mode, put together from Maven Central.
# It listens three times: without more ado, with a name and a password (SASL PLAIN), and encrypted besides (TLS, PLAIN and SCRAM); the name
# is "weir", the password "secret", the authority $kafka_work/broker.pem. Sourced. kafka_setup FOLDER says whether that is possible; then kafka_start, kafka_stop, kafka_crash, kafka_tool.
# shellcheck shell=bash
# shellcheck disable=SC2034
kafka_version=4.1.2
kafka_missing=""
kafka_brokers="" kafka_login_brokers="" kafka_secure_brokers=""
kafka_pid=""

# Fetches the jars into .deps once. False, with the reason in kafka_missing, where that does not work.
kafka_setup() {
    kafka_work="$1"
    kafka_jars="$PWD/.deps/kafka-$kafka_version"
    local need
    for need in java mvn openssl; do
        command -v "$need" >/dev/null || { kafka_missing="$need is not installed"; return 1; }
    done
    [[ -e "$kafka_jars/complete" ]] && return
    local fetch
    fetch="$(mktemp -d "$PWD/.deps/fetch.XXXXXX")"
    cat >"$fetch/pom.xml" <<XML
<project>
  <modelVersion>4.0.0</modelVersion><groupId>weir</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka_version</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>$kafka_version</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.3</version></dependency>
  </dependencies>
</project>
XML
    if ! timeout 600 mvn -q -B -f "$fetch/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DoutputDirectory="$fetch/jars" -DincludeScope=runtime >"$fetch/log" 2>&1; then
        kafka_missing="Kafka could not be fetched from Maven Central: $(grep -m1 ERROR "$fetch/log" || tail -n 1 "$fetch/log")"
        rm -rf "$fetch"
        return 1
    fi
    touch "$fetch/jars/complete"
    rm -rf "$kafka_jars"
    mv -T "$fetch/jars" "$kafka_jars"
    rm -rf "$fetch"
}

kafka_java() { java -XX:+UseSerialGC -Dlog4j2.configurationFile="$kafka_work/log4j2.properties" -cp "$kafka_jars/*" "$@"; }

kafka_free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 20000))
        (: </dev/tcp/127.0.0.1/"$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# The first time on free ports; after a stop or a crash on the same ones, with the same data. Words are more settings.
kafka_start() {
    local config="$kafka_work/server.properties" log="$kafka_work/broker.log" controller broker login secure setting
    local module=org.apache.kafka.common.security
    if [[ -z "$kafka_brokers" ]]; then
        controller="$(kafka_free_port)"
        broker="$(kafka_free_port)"
        login="$(kafka_free_port)"
        secure="$(kafka_free_port)"
        kafka_brokers="127.0.0.1:$broker" kafka_login_brokers="127.0.0.1:$login" kafka_secure_brokers="127.0.0.1:$secure"
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
            -keyout "$kafka_work/broker.key" -out "$kafka_work/broker.pem" 2>/dev/null
        cat "$kafka_work/broker.key" "$kafka_work/broker.pem" >"$kafka_work/keystore.pem"
        cat >"$kafka_work/log4j2.properties" <<'PROPERTIES'
rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = INFO
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1} %m%n
PROPERTIES
        {
            echo "process.roles=broker,controller"
            echo "node.id=1"
            echo "controller.quorum.voters=1@127.0.0.1:$controller"
            echo "controller.listener.names=CONTROLLER"
            echo "listeners=PLAINTEXT://127.0.0.1:$broker,LOGIN://127.0.0.1:$login,SECURE://127.0.0.1:$secure,CONTROLLER://127.0.0.1:$controller"
            echo "advertised.listeners=PLAINTEXT://127.0.0.1:$broker,LOGIN://127.0.0.1:$login,SECURE://127.0.0.1:$secure"
            echo "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT,SECURE:SASL_SSL"
            echo "inter.broker.listener.name=PLAINTEXT"
            echo "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512"
            echo "listener.name.login.plain.sasl.jaas.config=$module.plain.PlainLoginModule required user_weir=\"secret\";"
            echo "listener.name.login.sasl.enabled.mechanisms=PLAIN"
            echo "listener.name.secure.plain.sasl.jaas.config=$module.plain.PlainLoginModule required user_weir=\"secret\";"
            echo "listener.name.secure.scram-sha-512.sasl.jaas.config=$module.scram.ScramLoginModule required;"
            echo "ssl.keystore.type=PEM"
            echo "ssl.keystore.location=$kafka_work/keystore.pem"
            echo "log.dirs=$kafka_work/data"
            # One node holds all; small internal topics start sooner.
            for setting in offsets.topic transaction.state.log; do
                echo "$setting.num.partitions=4"
                echo "$setting.replication.factor=1"
            done
            echo "transaction.state.log.min.isr=1"
            echo "group.initial.rebalance.delay.ms=0"
            echo "auto.create.topics.enable=false"
            echo "log.cleaner.dedupe.buffer.size=8388608"
            echo "log.cleaner.backoff.ms=500"
            for setting in "$@"; do echo "$setting"; done
        } >"$config"
        kafka_java kafka.tools.StorageTool format -t d2Vpci1rYWZrYS1jaGVjaw -c "$config" \
            --add-scram 'SCRAM-SHA-512=[name=weir,password=secret]' >"$log" 2>&1 || {
            cat "$log" >&2
            return 1
        }
    fi
    : >"$log"
    java -Xmx"${KAFKA_HEAP:-512m}" -XX:+UseSerialGC -Dlog4j2.configurationFile="$kafka_work/log4j2.properties" -cp "$kafka_jars/*" \
        kafka.Kafka "$config" >>"$log" 2>&1 </dev/null &
    kafka_pid=$!
    # An open port alone is too early: this line comes when the broker is registered and takes requests.
    local look
    for look in $(seq 600); do
        grep -q 'Kafka Server started' "$log" && return
        kill -0 "$kafka_pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "Kafka did not start ($look looks):" >&2
    tail -n 20 "$log" >&2
    return 1
}

kafka_stop() {
    [[ -n "$kafka_pid" ]] || return 0
    kill "$kafka_pid" 2>/dev/null || true
    wait "$kafka_pid" 2>/dev/null || true
    kafka_pid=""
}

kafka_crash() {
    kill -9 "$kafka_pid"
    wait "$kafka_pid" 2>/dev/null || true
    kafka_pid=""
}

# kafka_tool TopicCommand --create …
kafka_tool() {
    local tool="$1"
    shift
    kafka_java "org.apache.kafka.tools.$tool" --bootstrap-server "$kafka_brokers" "$@"
}
