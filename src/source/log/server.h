// The owner's side of the socket: what other processes publish is appended as if it were the owner's own.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "source/log/log.h"

namespace weir::source::log {

class Server {
public:
    // The log outlives the server.
    static Result<std::unique_ptr<Server>> start(Log& log);
    // Takes no more requests, answers those that came, and ends.
    ~Server();
    Server(const Server&) = delete;

private:
    struct Connection;
    Server(Log& log, FileHandle socket);
    void accept_until_stopped();

    Log& log_;
    FileHandle socket_;
    // Guarded by mutex_.
    std::mutex mutex_;
    std::list<std::unique_ptr<Connection>> connections_;
    bool stopping_ = false;

    std::thread acceptor_;
};

}  // namespace weir::source::log
