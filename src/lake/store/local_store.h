// An ObjectStore over a folder of the local disk.
#pragma once

#include "lake/store/object_store.h"

namespace weir::lake {

// `durable` syncs every file and folder before it is reported as written. Turning it off keeps atomicity between
// processes but not across a power cut; benchmarks use it to show what the disk costs.
enum class Sync { durable, none };

inline constexpr std::string_view staging_folder = "_weir_staging";

class LocalStore final : public ObjectStore {
public:
    explicit LocalStore(fs::path root, Sync sync = Sync::durable);

    Result<std::string> get(const std::string& path) override;
    Status put(const std::string& path, std::string_view content) override;
    Status put_if_absent(const std::string& path, std::string_view content) override;
    Result<std::vector<ObjectInfo>> list(const std::string& folder, const std::string& start_after,
                                         Depth depth) override;
    Result<ObjectInfo> head(const std::string& path) override;
    Status remove(const std::string& path) override;
    Result<fs::path> make_staging() override;
    void drop_staging(const fs::path& folder) override;
    Status adopt(const fs::path& staged, const std::string& path) override;
    Status settle(const std::vector<std::string>& paths) override;
    std::string url(const std::string& path) const override;
    std::string name() const override;

private:
    // Creates missing folders up to the root's parent and makes their names durable.
    Status make_folder(const fs::path& folder);

    const fs::path root_;
    const Sync sync_;
};

}  // namespace weir::lake
