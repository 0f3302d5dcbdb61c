#include "serve/http/compress.h"

#include <zlib.h>
#include <zstd.h>

namespace weir::serve::http {
namespace {

constexpr int gzip_level = 5;
constexpr int zstd_level = 3;
constexpr int gzip_window = 15 + 16;  // the largest, with gzip's frame
constexpr std::size_t step = 64 * 1024;

Error failed() { return {.code = ErrorCode::internal, .message = "an answer could not be compressed"}; }

}  // namespace

struct Compressor::State {
    Encoding encoding;
    z_stream gzip{};
    bool gzip_open = false;
    ZSTD_CCtx* zstd = nullptr;
};

Compressor::Compressor(Encoding encoding) : state_(std::make_unique<State>()) {
    state_->encoding = encoding;
    if (encoding == Encoding::gzip)
        state_->gzip_open =
            deflateInit2(&state_->gzip, gzip_level, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (encoding == Encoding::zstd) {
        state_->zstd = ZSTD_createCCtx();
        if (state_->zstd != nullptr) ZSTD_CCtx_setParameter(state_->zstd, ZSTD_c_compressionLevel, zstd_level);
    }
}

Compressor::~Compressor() {
    if (state_->gzip_open) deflateEnd(&state_->gzip);
    ZSTD_freeCCtx(state_->zstd);
}

Status Compressor::write(std::string_view bytes, bool end, std::string& out) {
    if (state_->encoding == Encoding::identity) {
        out += bytes;
        return ok();
    }
    if (state_->encoding == Encoding::zstd) {
        if (state_->zstd == nullptr) return failed();
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        for (;;) {
            const auto at = out.size();
            out.resize(at + step);
            ZSTD_outBuffer to{out.data() + at, step, 0};
            const auto left = ZSTD_compressStream2(state_->zstd, &to, &in, end ? ZSTD_e_end : ZSTD_e_continue);
            out.resize(at + to.pos);
            if (ZSTD_isError(left) != 0) return failed();
            if (in.pos == in.size && (!end || left == 0)) return ok();
        }
    }
    if (!state_->gzip_open) return failed();
    auto& gzip = state_->gzip;
    // zlib's interface is older than const.
    gzip.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    gzip.avail_in = static_cast<uInt>(bytes.size());
    for (;;) {
        const auto at = out.size();
        out.resize(at + step);
        gzip.next_out = reinterpret_cast<Bytef*>(out.data() + at);
        gzip.avail_out = step;
        const int done = deflate(&gzip, end ? Z_FINISH : Z_NO_FLUSH);
        out.resize(at + step - gzip.avail_out);
        if (done == Z_STREAM_ERROR) return failed();
        if (done == Z_STREAM_END || (!end && gzip.avail_in == 0 && gzip.avail_out != 0)) return ok();
    }
}

}  // namespace weir::serve::http
