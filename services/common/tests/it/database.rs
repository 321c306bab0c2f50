//! SQLite: concurrency, migrations, errors.

use service_common::config::DatabaseUrl;
use service_common::{Database, Migration, Problem};

const FIRST: Migration = migration(1, "notes", "CREATE TABLE notes (text TEXT NOT NULL)");
const SECOND: Migration = migration(2, "stars", "ALTER TABLE notes ADD COLUMN stars BIGINT NOT NULL DEFAULT 0");

const fn migration(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration { version, name, sqlite: sql, postgres: sql }
}

async fn count(database: &Database) -> i64 {
    let (count,) = sqlx::query_as("SELECT count(*) FROM notes").fetch_one(database.reader()).await.unwrap();
    count
}

#[tokio::test]
async fn readers_are_not_blocked_by_a_writer_and_see_only_what_is_committed() {
    let database = Database::for_test(&[FIRST]).await.unwrap();
    let mut transaction = database.begin().await.unwrap();
    sqlx::query("INSERT INTO notes VALUES ('a')").execute(&mut *transaction).await.unwrap();
    assert_eq!(count(&database).await, 0);
    transaction.commit().await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn a_second_writer_waits_and_is_then_told_that_the_database_is_busy() {
    let database = Database::for_test(&[FIRST]).await.unwrap();
    let first = database.begin().await.unwrap();
    let problem = Problem::from(database.begin().await.unwrap_err());
    assert_eq!(problem.status(), 503);
    drop(first);
    assert!(database.begin().await.is_ok(), "a dropped transaction frees the writer");
}

#[tokio::test]
async fn writers_queue_without_losing_updates() {
    let database = Database::for_test(&[FIRST, SECOND]).await.unwrap();
    sqlx::query("INSERT INTO notes VALUES ('a', 0)").execute(database.writer()).await.unwrap();
    let increments = (0..50).map(|_| async {
        let mut transaction = database.begin().await.unwrap();
        let (stars,): (i64,) = sqlx::query_as("SELECT stars FROM notes").fetch_one(&mut *transaction).await.unwrap();
        sqlx::query("UPDATE notes SET stars = $1").bind(stars + 1).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    });
    futures::future::join_all(increments).await;
    let (stars,): (i64,) = sqlx::query_as("SELECT stars FROM notes").fetch_one(database.reader()).await.unwrap();
    assert_eq!(stars, 50);
}

#[tokio::test]
async fn migrations_are_applied_once_and_data_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::File(folder.path().join("new folder/notes.db"));
    let database = Database::open(&url, &[FIRST]).await.unwrap();
    sqlx::query("INSERT INTO notes VALUES ('a')").execute(database.writer()).await.unwrap();
    database.close().await;
    let database = Database::open(&url, &[FIRST, SECOND]).await.unwrap();
    assert_eq!(count(&database).await, 1);
    let (mode,): (String,) = sqlx::query_as("PRAGMA journal_mode").fetch_one(database.reader()).await.unwrap();
    assert_eq!(mode, "wal");
    database.close().await;
    let older_release = Database::open(&url, &[FIRST]).await.unwrap();
    assert_eq!(count(&older_release).await, 1, "a rolling update runs both releases at once");
    older_release.close().await;
    let changed = migration(1, "notes", "CREATE TABLE other (x)");
    let changed = Database::open(&url, &[changed, SECOND]).await.unwrap_err().to_string();
    assert!(changed.contains("migration 1 was changed after it had been applied"), "{changed}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::File(folder.path().join("notes.db"));
    let broken = migration(2, "broken", "CREATE TABLE half (x TEXT); SELECT nonsense");
    let error = Database::open(&url, &[FIRST, broken]).await.unwrap_err().to_string();
    assert!(error.contains("migration 2 (broken)") && error.contains("nonsense"), "{error}");
    let database = Database::open(&url, &[FIRST, SECOND]).await.unwrap();
    let (tables,): (i64,) = sqlx::query_as("SELECT count(*) FROM sqlite_master WHERE name = 'half'")
        .fetch_one(database.reader())
        .await
        .unwrap();
    assert_eq!(tables, 0);
}

#[tokio::test]
async fn wrong_numbers_and_folders_are_errors() {
    let error = Database::for_test(&[SECOND]).await.unwrap_err().to_string();
    assert!(error.contains("migration 2 stands where 1 is due"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let error = Database::open(&DatabaseUrl::File(file.join("notes.db")), &[]).await.unwrap_err().to_string();
    assert!(error.contains("check that its folder exists and may be written to"), "{error}");
}

#[tokio::test]
async fn unexpected_errors_are_hidden() {
    let database = Database::for_test(&[FIRST]).await.unwrap();
    let error = sqlx::query("SELECT secret_column FROM notes").execute(database.reader()).await.unwrap_err();
    let problem = Problem::from(error);
    assert_eq!(problem.status(), 500);
    assert_eq!(problem.body().detail, None);
    assert!(problem.cause_text().unwrap().contains("secret_column"));
    assert_eq!(Problem::from(sqlx::Error::RowNotFound).status(), 404);
}
