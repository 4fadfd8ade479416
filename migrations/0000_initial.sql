CREATE TABLE "clips" (
	"id" uuid PRIMARY KEY NOT NULL,
	"collection" text NOT NULL,
	"title" text NOT NULL,
	"file_name" text NOT NULL,
	"source_path" text,
	"tags" text[] DEFAULT '{}'::text[] NOT NULL,
	"labels" text[] DEFAULT '{}'::text[] NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"sha256" text NOT NULL,
	"size_bytes" double precision NOT NULL,
	"mime_type" text NOT NULL,
	"storage_key" text NOT NULL,
	"duration_sec" double precision,
	"width" integer,
	"height" integer,
	"frame_rate_hz" double precision,
	"audio_sample_rate_hz" integer,
	"has_audio" boolean DEFAULT false NOT NULL,
	"has_video" boolean DEFAULT false NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"error" jsonb,
	"segment_count" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "clips_collection_sha256" UNIQUE("collection","sha256")
);
--> statement-breakpoint
CREATE TABLE "embeddings" (
	"point_id" uuid PRIMARY KEY NOT NULL,
	"clip_id" uuid NOT NULL,
	"segment_index" integer NOT NULL,
	"model_id" text NOT NULL,
	"model_version" text NOT NULL,
	"dimension" integer NOT NULL,
	"audio" "bytea",
	"video" "bytea",
	CONSTRAINT "embeddings_segment_model" UNIQUE("clip_id","segment_index","model_id","model_version")
);
--> statement-breakpoint
CREATE TABLE "index_outbox" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"index_collection" text NOT NULL,
	"operation" text NOT NULL,
	"clip_id" uuid NOT NULL,
	"point_ids" uuid[] DEFAULT '{}'::uuid[] NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"available_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"clip_id" uuid,
	"status" text DEFAULT 'queued' NOT NULL,
	"stage" text DEFAULT 'queued' NOT NULL,
	"progress" real DEFAULT 0 NOT NULL,
	"error" jsonb,
	"attempts" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "models" (
	"collection" text PRIMARY KEY NOT NULL,
	"model_id" text NOT NULL,
	"model_version" text NOT NULL,
	"dimension" integer NOT NULL,
	"state" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "queue_heartbeats" (
	"job_id" uuid PRIMARY KEY NOT NULL,
	"queue" text NOT NULL,
	"worker_id" uuid NOT NULL,
	"beat_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "segments" (
	"clip_id" uuid NOT NULL,
	"segment_index" integer NOT NULL,
	"start_sec" double precision NOT NULL,
	"end_sec" double precision NOT NULL,
	CONSTRAINT "segments_clip_id_segment_index_pk" PRIMARY KEY("clip_id","segment_index")
);
--> statement-breakpoint
ALTER TABLE "embeddings" ADD CONSTRAINT "embeddings_clip_id_clips_id_fk" FOREIGN KEY ("clip_id") REFERENCES "public"."clips"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_clip_id_clips_id_fk" FOREIGN KEY ("clip_id") REFERENCES "public"."clips"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "segments" ADD CONSTRAINT "segments_clip_id_clips_id_fk" FOREIGN KEY ("clip_id") REFERENCES "public"."clips"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "clips_page" ON "clips" USING btree ("created_at" DESC NULLS FIRST,"id");--> statement-breakpoint
CREATE INDEX "clips_collection_page" ON "clips" USING btree ("collection","created_at" DESC NULLS FIRST,"id");--> statement-breakpoint
CREATE INDEX "clips_tags" ON "clips" USING gin ("tags");--> statement-breakpoint
CREATE INDEX "embeddings_model" ON "embeddings" USING btree ("model_id","model_version","point_id");--> statement-breakpoint
CREATE INDEX "index_outbox_clip" ON "index_outbox" USING btree ("clip_id","id");--> statement-breakpoint
CREATE INDEX "jobs_page" ON "jobs" USING btree ("created_at" DESC NULLS FIRST,"id");--> statement-breakpoint
CREATE INDEX "jobs_clip" ON "jobs" USING btree ("clip_id");--> statement-breakpoint
CREATE UNIQUE INDEX "models_one_live" ON "models" USING btree ("state") WHERE state = 'live';