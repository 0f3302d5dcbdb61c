#include "support/postgres.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "support/process.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

fs::path newest_programs() {
    std::vector<std::pair<int, fs::path>> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored))
        if (fs::exists(entry.path() / "bin" / "initdb"))
            found.emplace_back(std::atoi(entry.path().filename().c_str()), entry.path() / "bin");
    return found.empty() ? fs::path() : std::max_element(found.begin(), found.end())->second;
}

const passwd* other_user() {
    for (const char* name : {"postgres", "nobody"})
        if (const auto* user = ::getpwnam(name)) return user;
    return nullptr;
}

std::uint16_t free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(fd);
    return ::ntohs(address.sin_port);
}

}  // namespace

PostgresServer::PostgresServer() : programs_(newest_programs()) {
    if (programs_.empty()) {
        missing_ = "there is no PostgreSQL server here (Debian's package postgresql)";
        return;
    }
    if (::geteuid() == 0 && other_user() == nullptr) {
        missing_ = "PostgreSQL does not run as root, and there is no other user";
        return;
    }
    std::string name = (fs::temp_directory_path() / "weir-pg-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    write(folder_ / "password", password());
    if (::geteuid() == 0) {
        const auto* user = other_user();
        for (const auto& path : {folder_, folder_ / "password"})
            if (::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) ADD_FAILURE() << "chown " << path;
    }
    int status = -1;
    const auto pid = spawn({"initdb", "-D", (folder_ / "data").string(), "-U", "weir", "-A", "scram-sha-256",
                            "--pwfile", (folder_ / "password").string(), "-E", "UTF8", "--locale=C", "--no-sync"});
    ::waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        ADD_FAILURE() << "initdb failed: " << read(folder_ / "log");
        return;
    }
    port_ = free_port();
    start();
    auto* handle = PQconnectdb(
        ("host=127.0.0.1 port=" + std::to_string(port_) + " user=weir dbname=postgres password=" + password()).c_str());
    PQclear(PQexec(handle, "CREATE DATABASE serving"));
    PQfinish(handle);
}

PostgresServer::~PostgresServer() {
    stop(SIGQUIT);
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

pid_t PostgresServer::spawn(std::vector<std::string> words) const {
    const auto program = (programs_ / words[0]).string();
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const auto log = (folder_ / "log").string();
    const auto* user = ::geteuid() == 0 ? other_user() : nullptr;
    const auto pid = ::fork();
    if (pid != 0) return pid;
    if (user != nullptr && (::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)) ::_exit(126);
    end_with_parent(SIGQUIT);
    if (::chdir("/") != 0) ::_exit(126);
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execv(program.c_str(), arguments.data());
    ::_exit(127);
}

void PostgresServer::start() {
    pid_ = spawn({"postgres", "-D", (folder_ / "data").string(), "-p", std::to_string(port_), "-c",
                  "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c",
                  "shared_buffers=16MB", "-c", "log_statement=all"});
    const auto ping = "host=127.0.0.1 dbname=postgres port=" + std::to_string(port_);
    for (int i = 0; i < 600 && PQping(ping.c_str()) != PQPING_OK; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(PQping(ping.c_str()), PQPING_OK) << read(folder_ / "log");
}

void PostgresServer::stop(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
}

Psql::Psql(const PostgresServer& server) : handle_(PQconnectdb(server.url().c_str())) {
    EXPECT_TRUE(connected()) << PQerrorMessage(handle_.get());
    PQsetNoticeProcessor(
        handle_.get(), [](void*, const char*) {}, nullptr);
    PQclear(PQexec(handle_.get(), "SET TimeZone = 'UTC'"));
}

Table Psql::query(const std::string& sql) {
    auto* result = PQexec(handle_.get(), sql.c_str());
    const auto status = PQresultStatus(result);
    EXPECT_TRUE(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) << sql << "\n"
                                                                         << PQerrorMessage(handle_.get());
    Table table;
    for (int row = 0; row < PQntuples(result); ++row) {
        auto& cells = table.emplace_back();
        for (int column = 0; column < PQnfields(result); ++column)
            cells.emplace_back(PQgetisnull(result, row, column) != 0 ? "NULL" : PQgetvalue(result, row, column));
    }
    PQclear(result);
    return table;
}

std::string Psql::value(const std::string& sql) {
    const auto table = query(sql);
    return table.size() == 1 && table[0].size() == 1 ? table[0][0] : "(no single value)";
}

bool Psql::try_run(const std::string& sql) {
    auto* result = PQexec(handle_.get(), sql.c_str());
    const auto status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

}  // namespace weir::test
