ALTER TABLE "embeddings" ADD COLUMN "start_sec" double precision;--> statement-breakpoint
ALTER TABLE "embeddings" ADD COLUMN "end_sec" double precision;--> statement-breakpoint
-- Until now all models of a catalog cut clips alike: each model's vectors take the segments that were there.
UPDATE "embeddings" SET "start_sec" = "segments"."start_sec", "end_sec" = "segments"."end_sec"
FROM "segments"
WHERE "segments"."clip_id" = "embeddings"."clip_id" AND "segments"."segment_index" = "embeddings"."segment_index";--> statement-breakpoint
-- A segment that another model's last look at the clip took away: nothing has been able to read its vectors since.
WITH "lost" AS (DELETE FROM "embeddings" WHERE "start_sec" IS NULL RETURNING "clip_id")
DELETE FROM "prototypes" WHERE "label_id" IN (
	SELECT "label_id" FROM "label_examples" WHERE "clip_id" IN (SELECT "clip_id" FROM "lost")
);--> statement-breakpoint
ALTER TABLE "embeddings" ALTER COLUMN "start_sec" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "embeddings" ALTER COLUMN "end_sec" SET NOT NULL;--> statement-breakpoint
-- Segments without anything to hear or to see are no longer kept, nor counted.
UPDATE "clips" SET "segment_count" = "found"."segments"
FROM (
	SELECT "embeddings"."clip_id", count(*)::int AS "segments"
	FROM "embeddings" INNER JOIN "models" ON "models"."model_id" = "embeddings"."model_id"
		AND "models"."model_version" = "embeddings"."model_version" AND "models"."state" = 'live'
	GROUP BY "embeddings"."clip_id"
) "found"
WHERE "found"."clip_id" = "clips"."id" AND "clips"."segment_count" <> "found"."segments";--> statement-breakpoint
DROP TABLE "segments";
