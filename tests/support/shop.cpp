#include "support/shop.h"

#include <zlib.h>
#include <zstd.h>

namespace weir::test {

using testing::HasSubstr;

Shop::Shop()
    : scratch(std::string("shop_") + testing::UnitTest::GetInstance()->current_test_info()->name()),
      project(scratch / "p") {
    std::filesystem::create_directories(project / "in");
    put("weir.yaml", "name: shop\n");
    source("in/*.csv");
    contract({});
}

void Shop::contract(const Terms& terms) {
    std::string text =
        "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: \"1.0.0\"\nstatus: active\nschema:\n"
        "- name: t\n  logicalType: object\n  customProperties:\n"
        "  - {property: quarantineLimit, value: " +
        terms.quarantine_limit + "}\n" + terms.custom + terms.quality + "  properties:\n";
    for (const auto& column : terms.columns) text += "  - " + column + "\n";
    put("contracts/t.odcs.yaml", text);
}

void Shop::source(const std::string& files, const std::string& more) {
    put("sources/t.yaml", "files: " + files + "\ncontract: t\n" + more);
}

void Shop::view(const std::string& name, const std::string& select) {
    put("views/" + name + ".sql", "/* weir\ndescription: A view.\n*/\n" + select);
}

Finished Shop::weir_with(std::vector<std::string> words) const {
    words.insert(words.begin(), weir().string());
    return run(words, {.directory = project});
}

Finished Shop::run_all(std::vector<std::string> more) const {
    more.insert(more.begin(), "run");
    return weir_with(more);
}

void Shop::run_ok(std::vector<std::string> more) const {
    const auto finished = run_all(std::move(more));
    ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
}

void Shop::run_fails(int exit_code, const std::vector<std::string>& said, std::vector<std::string> more) const {
    const auto finished = run_all(std::move(more));
    EXPECT_EQ(finished.exit_code, exit_code) << finished.out << finished.err;
    for (const auto& text : said) EXPECT_THAT(finished.err, HasSubstr(text));
}

std::string Shop::sql(const std::string& statement) const {
    const auto finished = weir_with({"sql", statement, "--format", "csv"});
    EXPECT_EQ(finished.exit_code, 0) << statement << "\n" << finished.err;
    return finished.out.substr(finished.out.find('\n') + 1);
}

std::string Shop::accounts() const {
    EXPECT_EQ(sql("SELECT * FROM weir.accounting WHERE \"read\" <> accepted + duplicate + quarantined + filtered"), "");
    EXPECT_EQ(
        sql("SELECT (SELECT coalesce(sum(accepted), 0) FROM weir.accounting) - (SELECT count(*) FROM t), "
            "(SELECT coalesce(sum(quarantined), 0) FROM weir.accounting) - (SELECT count(*) FROM weir.quarantine)"),
        "0,0\n");
    return sql(
        "SELECT concat_ws(' ', coalesce(sum(\"read\"), 0)::BIGINT, coalesce(sum(accepted), 0)::BIGINT, "
        "coalesce(sum(duplicate), 0)::BIGINT, coalesce(sum(quarantined), 0)::BIGINT, "
        "coalesce(sum(filtered), 0)::BIGINT) FROM weir.accounting");
}

std::string Shop::rejects() const {
    return sql(
        "SELECT concat_ws(' ', line, nullif(\"column\", ''), rule) FROM weir.quarantine ORDER BY file, byte_offset");
}

std::string rows(int count, int begin) {
    std::string text;
    for (int i = begin; i < begin + count; ++i)
        text += std::to_string(i) + ",name " + std::to_string(i) + "," + std::to_string(i) + ".5\n";
    return text;
}

std::string gzip(const std::string& content) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string packed(deflateBound(&stream, content.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

std::string zstd(const std::string& content) {
    std::string packed(ZSTD_compressBound(content.size()), '\0');
    // With a checksum, as the zstd tool writes it: without one, damage inside a literal cannot be seen.
    auto* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), content.data(), content.size()));
    ZSTD_freeCCtx(context);
    return packed;
}

}  // namespace weir::test
