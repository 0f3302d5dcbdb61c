// Result<T>: a value or an Error. Status: nothing or an Error.
#pragma once

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "base/error.h"

namespace weir {

template <class T>
class [[nodiscard]] Result {
public:
    using value_type = T;
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T& value() & {
        assert(ok());
        return std::get<0>(state_);
    }
    const T& value() const& {
        assert(ok());
        return std::get<0>(state_);
    }
    T&& value() && {
        assert(ok());
        return std::get<0>(std::move(state_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    Error& error() & {
        assert(!ok());
        return std::get<1>(state_);
    }
    const Error& error() const& {
        assert(!ok());
        return std::get<1>(state_);
    }
    Error&& error() && {
        assert(!ok());
        return std::get<1>(std::move(state_));
    }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    Error& error() & {
        assert(!ok());
        return *error_;
    }
    const Error& error() const& {
        assert(!ok());
        return *error_;
    }
    Error&& error() && {
        assert(!ok());
        return std::move(*error_);
    }

private:
    std::optional<Error> error_;
};

using Status = Result<void>;
inline Status ok() { return {}; }

}  // namespace weir

#define WEIR_JOIN_(a, b) a##b
#define WEIR_JOIN(a, b) WEIR_JOIN_(a, b)

// Leaves the function with the error, if there is one.
#define WEIR_TRY(expression)                                       \
    do {                                                           \
        auto weir_status_ = (expression);                          \
        if (!weir_status_) return std::move(weir_status_).error(); \
    } while (false)

// WEIR_ASSIGN(auto rows, connection.query(sql)): the value, or leaves the function with the error.
#define WEIR_ASSIGN(target, expression) WEIR_ASSIGN_(target, expression, WEIR_JOIN(weir_result_, __LINE__))
#define WEIR_ASSIGN_(target, expression, name) \
    auto name = (expression);                  \
    if (!name) return std::move(name).error(); \
    target = std::move(name).value()
