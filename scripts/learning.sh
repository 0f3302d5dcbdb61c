# The batch views of projects/learning alone, for comparisons that are about them. Sourced.
# shellcheck shell=bash

# batch_views_of_learning DIR: a copy of the project without its live views, and what only they read.
batch_views_of_learning() {
    cp -r projects/learning "$1"
    rm -r -- "$1"/tests
    rm -- "$1"/views/*_realtime_*.sql "$1"/alerts.yaml "$1"/views/*_on_time.sql "$1"/views/{late_counters,replay_marks,active_users,platform_active_users,course_popularity,video_engagement,all_events,delivery_response,recent_activity,course_recent_popularity,video_recent_popularity}.sql
    sed -i '/^replay:/,/^views:/{/^views:/!d}' "$1"/serve.yaml
}
